
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * How fast the lowest floor is with a message of 16 MB, in time of the
 * processor.  Each number is that of the best of many runs, the one that
 * others on the machine disturb least.  Prints a table, and JSON to the file
 * that is named.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_frame.h>
#include <ngx_openclaw_deflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>


#define BENCH_SIZE   (16 * 1024 * 1024)
#define BENCH_READ   65536
#define BENCH_TIME   0.5                         /* seconds, at least */


typedef struct {
    const char   *name;
    const char   *sample;                       /* is repeated */
} bench_text_t;


/* does its work once, and returns 0 if that failed */

typedef ngx_uint_t (*bench_pt)(void);


static void *bench_alloc(size_t size);
static void bench_fill(const char *sample);
static void bench_words(void);
static double bench_now(void);
static void bench(const char *what, const char *text, bench_pt run);

static ngx_uint_t bench_unmask(void);
static ngx_uint_t bench_utf8(void);
static ngx_uint_t bench_frame(void);
static ngx_uint_t bench_inflate(void);
static ngx_uint_t bench_inflate_text(void);
static ngx_uint_t bench_inflate_message(ngx_uint_t text);
static ngx_uint_t bench_zlib(void);


static bench_text_t  bench_texts[] = {

    { "ascii",
      "The quick brown fox jumps over the lazy dog, and then some more. " },

    /* about as many characters of two and of three bytes */
    { "mixed",
      "Zw\xc3\xb6lf \xe2\x80\x9e" "Boxk\xc3\xa4mpfer\xe2\x80\x9c "
      "\xd0\xb6\xd0\xb0\xd1\x80\xd1\x8f\xd1\x82 \xe1\xbd\xb9\xcf\x84\xce\xb9 "
      "\xe0\xa4\xa8\xe0\xa4\xae\xe0\xa4\xb8\xe0\xa5\x8d\xe0\xa4\xa4\xe0\xa5"
      "\x87 " },

    { "cjk",
      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe6\x96\x87\xe7\xab"
      "\xa0\xe3\x81\xa7\xe3\x81\x99\xe3\x80\x82" },

    { "emoji",
      "\xf0\x9f\x98\x80\xf0\x9f\x9a\x80\xf0\x9f\x8c\x8d\xf0\x9f\x8e\x89" }
};


static u_char   *bench_data;
static u_char   *bench_input;
static size_t    bench_len;
static size_t    bench_total;
static FILE     *bench_json;
static u_char    bench_mask[4] = { 0x37, 0xfa, 0x21, 0x3d };


int
main(int argc, char *argv[])
{
    ngx_uint_t  i;

    if (argc < 2) {
        fprintf(stderr, "usage: bench file.json\n");
        return 2;
    }

    bench_json = fopen(argv[1], "w");

    if (bench_json == NULL) {
        perror(argv[1]);
        return 1;
    }

    bench_data = bench_alloc(BENCH_SIZE);
    bench_input = bench_alloc(BENCH_SIZE + 14);

    fprintf(bench_json, "{\"unit\":\"GB/s\",\"results\":[");

    bench_fill(bench_texts[0].sample);
    bench("unmask", "any", bench_unmask);

    for (i = 0; i < sizeof(bench_texts) / sizeof(bench_texts[0]); i++) {
        bench_fill(bench_texts[i].sample);
        bench("utf8", bench_texts[i].name, bench_utf8);
    }

    /* unmasked and checked, in blocks as they are read from a socket */

    for (i = 0; i < sizeof(bench_texts) / sizeof(bench_texts[0]); i++) {
        bench_fill(bench_texts[i].sample);
        bench("frame", bench_texts[i].name, bench_frame);
    }

    /* as zlib does it by itself, with the same room */

    bench_words();
    bench("inflate", "binary", bench_inflate);
    bench("inflate", "text", bench_inflate_text);
    bench("zlib", "any", bench_zlib);

    fprintf(bench_json, "\n]}\n");

    free(bench_data);
    free(bench_input);

    return fclose(bench_json) == 0 ? 0 : 1;
}


static void *
bench_alloc(size_t size)
{
    void  *p;

    p = malloc(size);

    if (p == NULL) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }

    return p;
}


/* whole samples only, and a frame of them */

static void
bench_fill(const char *sample)
{
    size_t   i, n;
    u_char  *p;

    n = strlen(sample);

    for (bench_len = 0; BENCH_SIZE - bench_len >= n; bench_len += n) {
        ngx_memcpy(bench_data + bench_len, sample, n);
    }

    p = ngx_openclaw_frame_header(bench_input, NGX_OPENCLAW_FRAME_TEXT,
                                  bench_len);
    bench_input[1] |= 0x80;
    p = ngx_cpymem(p, bench_mask, 4);

    for (i = 0; i < bench_len; i++) {
        p[i] = bench_data[i] ^ bench_mask[i % 4];
    }

    bench_total = p + bench_len - bench_input;
}


/* the words of the samples in any order, and the same compressed */

static void
bench_words(void)
{
    u_char                     *p, *last;
    size_t                      len;
    uint32_t                    n;
    ngx_int_t                   rc;
    const char                 *word;
    ngx_openclaw_deflate_t     *z;
    ngx_openclaw_deflate_io_t   io;

    n = 1;
    p = bench_data;
    last = bench_data + BENCH_SIZE;

    for ( ;; ) {
        n = n * 1664525 + 1013904223;

        word = bench_texts[n >> 30].sample;
        word += (n >> 24 & 0x3f) % strlen(word);

        /* from one space to the next */

        word += strcspn(word, " ");
        word += strspn(word, " ");
        len = strcspn(word, " ");
        len += strspn(word + len, " ");

        if (len > (size_t) (last - p)) {
            break;
        }

        p = ngx_cpymem(p, word, len);
    }

    bench_len = p - bench_data;

    z = ngx_openclaw_deflate_create(15);

    if (z == NULL) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }

    io.pos = bench_data;
    io.last = bench_data + bench_len;
    io.out = bench_input;
    io.end = bench_input + BENCH_SIZE;

    rc = ngx_openclaw_deflate(z, &io, 1);

    if (rc != NGX_OK) {
        fprintf(stderr, "deflate failed\n");
        exit(1);
    }

    bench_total = io.out - bench_input;

    ngx_openclaw_deflate_free(z);
}


static double
bench_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void
bench(const char *what, const char *text, bench_pt run)
{
    double  first, start, time, best, speed;

    best = 0;
    first = bench_now();

    do {
        start = bench_now();

        if (!run()) {
            fprintf(stderr, "%s of %s failed\n", what, text);
            exit(1);
        }

        time = bench_now() - start;

        if (best == 0 || time < best) {
            best = time;
        }

    } while (start - first < BENCH_TIME);

    speed = (double) bench_len / best / 1e9;

    printf("%-10s %-8s %7.2f GB/s\n", what, text, speed);

    fprintf(bench_json, "%s\n{\"name\":\"%s\",\"data\":\"%s\","
            "\"bytes\":%lu,\"speed\":%.3f}",
            ftell(bench_json) > 32 ? "," : "", what, text,
            (unsigned long) bench_len, speed);
}


static ngx_uint_t
bench_unmask(void)
{
    ngx_openclaw_frame_unmask(bench_data, bench_len, bench_mask, 0);

    return 1;
}


static ngx_uint_t
bench_utf8(void)
{
    uint32_t  state;

    state = 0;

    return ngx_openclaw_utf8_check(&state, bench_data, bench_len) == NGX_OK;
}


static ngx_uint_t
bench_frame(void)
{
    u_char                      *pos, *last;
    size_t                       n, done;
    ngx_int_t                    rc;
    ngx_openclaw_frame_t         f;
    ngx_openclaw_frame_parser_t  p;

    static u_char  buffer[BENCH_READ];

    ngx_openclaw_frame_init(&p, BENCH_SIZE);

    f.last = 0;

    for (done = 0; done < bench_total; done += n) {
        n = ngx_min(bench_total - done, BENCH_READ);

        ngx_memcpy(buffer, bench_input + done, n);
        pos = buffer;
        last = buffer + n;

        do {
            rc = ngx_openclaw_frame_parse(&p, &pos, last, &f);
        } while (rc == NGX_OK);

        if (rc == NGX_ERROR) {
            return 0;
        }
    }

    return f.last;
}


static ngx_uint_t
bench_inflate(void)
{
    return bench_inflate_message(0);
}


static ngx_uint_t
bench_inflate_text(void)
{
    return bench_inflate_message(1);
}


static ngx_uint_t
bench_inflate_message(ngx_uint_t text)
{
    size_t                      len;
    ngx_int_t                   rc;
    ngx_openclaw_inflate_t     *z;
    ngx_openclaw_deflate_io_t   io;

    static u_char  buffer[BENCH_READ];

    z = ngx_openclaw_inflate_create();

    if (z == NULL) {
        return 0;
    }

    ngx_openclaw_inflate_start(z, bench_len, text);

    len = 0;
    io.pos = bench_input;
    io.last = bench_input + bench_total;

    do {
        io.out = buffer;
        io.end = buffer + BENCH_READ;

        rc = ngx_openclaw_inflate(z, &io, 1);

        len += io.out - buffer;

    } while (rc == NGX_AGAIN);

    ngx_openclaw_inflate_free(z);

    return rc == NGX_OK && len == bench_len;
}


static ngx_uint_t
bench_zlib(void)
{
    int       rc;
    z_stream  s;

    static u_char  buffer[BENCH_READ];

    ngx_memzero(&s, sizeof(z_stream));

    if (inflateInit2(&s, -15) != Z_OK) {
        return 0;
    }

    s.next_in = bench_input;
    s.avail_in = (uInt) bench_total;

    do {
        s.next_out = buffer;
        s.avail_out = BENCH_READ;

        rc = inflate(&s, Z_SYNC_FLUSH);

    } while (rc == Z_OK && (s.avail_in || s.avail_out == 0));

    rc = (s.total_out == bench_len);

    (void) inflateEnd(&s);

    return rc;
}
