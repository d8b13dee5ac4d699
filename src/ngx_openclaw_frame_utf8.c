
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * UTF-8 of messages.  An automaton takes byte after byte, which is all that
 * short texts need.  It also takes the ends of long ones, of which blocks of
 * 64 bytes are checked at once, each byte by the three before it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_openclaw_frame.h>


/* in eight bytes at a time, those that are not ASCII */

#define NGX_OPENCLAW_UTF8_HIGH_BITS         0x8080808080808080

/* what is checked at once, and how many bytes before it have a say */

#define NGX_OPENCLAW_UTF8_BLOCK             64
#define NGX_OPENCLAW_UTF8_BEFORE            3


/*
 * The states of the UTF-8 automaton (RFC 3629, 4): how many continuation
 * bytes are still to come, and after some leads, which the next one may be.
 * A state is a multiple of 6: the place of the state that follows in the
 * 64-bit row of a byte, so that a step is one shift.
 */

#define NGX_OPENCLAW_UTF8_DONE              0
#define NGX_OPENCLAW_UTF8_BAD               6
#define NGX_OPENCLAW_UTF8_ONE               12
#define NGX_OPENCLAW_UTF8_TWO               18
#define NGX_OPENCLAW_UTF8_THREE             24
#define NGX_OPENCLAW_UTF8_E0                30     /* not an overlong */
#define NGX_OPENCLAW_UTF8_ED                36     /* not a surrogate */
#define NGX_OPENCLAW_UTF8_F0                42     /* not an overlong */
#define NGX_OPENCLAW_UTF8_F4                48     /* not over U+10FFFF */

#define NGX_OPENCLAW_UTF8_STATE             0x3f

/* a row is "bad" for all states but those that it lists */

#define ngx_openclaw_utf8_to(state, next)                                     \
    ((uint64_t) (NGX_OPENCLAW_UTF8_##next ^ NGX_OPENCLAW_UTF8_BAD)            \
     << NGX_OPENCLAW_UTF8_##state)

#define NGX_OPENCLAW_UTF8_ERROR             0x0006186186186186

#define ngx_openclaw_utf8_lead(next)                                          \
    (NGX_OPENCLAW_UTF8_ERROR ^ ngx_openclaw_utf8_to(DONE, next))

#define NGX_OPENCLAW_UTF8_NEXT                                                \
    (NGX_OPENCLAW_UTF8_ERROR ^ ngx_openclaw_utf8_to(ONE, DONE)                \
     ^ ngx_openclaw_utf8_to(TWO, ONE) ^ ngx_openclaw_utf8_to(THREE, TWO))

#define NGX_OPENCLAW_UTF8_NEXT_80                                             \
    (NGX_OPENCLAW_UTF8_NEXT ^ ngx_openclaw_utf8_to(ED, ONE)                   \
     ^ ngx_openclaw_utf8_to(F4, TWO))

#define NGX_OPENCLAW_UTF8_NEXT_90                                             \
    (NGX_OPENCLAW_UTF8_NEXT ^ ngx_openclaw_utf8_to(ED, ONE)                   \
     ^ ngx_openclaw_utf8_to(F0, TWO))

#define NGX_OPENCLAW_UTF8_NEXT_A0                                             \
    (NGX_OPENCLAW_UTF8_NEXT ^ ngx_openclaw_utf8_to(E0, ONE)                   \
     ^ ngx_openclaw_utf8_to(F0, TWO))

#define ngx_openclaw_utf8_2(row)    row, row
#define ngx_openclaw_utf8_4(row)                                              \
    ngx_openclaw_utf8_2(row), ngx_openclaw_utf8_2(row)
#define ngx_openclaw_utf8_8(row)                                              \
    ngx_openclaw_utf8_4(row), ngx_openclaw_utf8_4(row)
#define ngx_openclaw_utf8_16(row)                                             \
    ngx_openclaw_utf8_8(row), ngx_openclaw_utf8_8(row)
#define ngx_openclaw_utf8_32(row)                                             \
    ngx_openclaw_utf8_16(row), ngx_openclaw_utf8_16(row)
#define ngx_openclaw_utf8_128(row)                                            \
    ngx_openclaw_utf8_32(row), ngx_openclaw_utf8_32(row),                     \
    ngx_openclaw_utf8_32(row), ngx_openclaw_utf8_32(row)


/*
 * The compiler makes vectors of whatever the processor has.  A comparison
 * gives 0xff for the bytes that it holds for, and 0 for the others; a signed
 * one is cheaper than one of unsigned bytes.
 */

typedef u_char  ngx_openclaw_utf8_bytes_t __attribute__((vector_size(16)));
typedef signed char  ngx_openclaw_utf8_signed_t
    __attribute__((vector_size(16)));

#define ngx_openclaw_utf8_where(comparison)                                   \
    ((ngx_openclaw_utf8_bytes_t) (comparison))


static uint32_t ngx_openclaw_utf8_automaton(uint32_t state, u_char *data,
    u_char *last);
static u_char *ngx_openclaw_utf8_blocks(u_char *data, u_char *last);
static ngx_inline ngx_uint_t ngx_openclaw_utf8_ascii(u_char *p);
static ngx_inline ngx_uint_t ngx_openclaw_utf8_block(u_char *p);
static ngx_inline void ngx_openclaw_utf8_errors(u_char *p,
    ngx_openclaw_utf8_bytes_t *errors);
static ngx_inline u_char *ngx_openclaw_utf8_border(u_char *p);


static const uint64_t  ngx_openclaw_utf8_rows[256] = {

    /* 0x00 - 0x7f */
    ngx_openclaw_utf8_128(ngx_openclaw_utf8_lead(DONE)),

    /* 0x80 - 0xbf */
    ngx_openclaw_utf8_16(NGX_OPENCLAW_UTF8_NEXT_80),
    ngx_openclaw_utf8_16(NGX_OPENCLAW_UTF8_NEXT_90),
    ngx_openclaw_utf8_32(NGX_OPENCLAW_UTF8_NEXT_A0),

    /* 0xc0 - 0xdf */
    ngx_openclaw_utf8_2(NGX_OPENCLAW_UTF8_ERROR),
    ngx_openclaw_utf8_2(ngx_openclaw_utf8_lead(ONE)),
    ngx_openclaw_utf8_4(ngx_openclaw_utf8_lead(ONE)),
    ngx_openclaw_utf8_8(ngx_openclaw_utf8_lead(ONE)),
    ngx_openclaw_utf8_16(ngx_openclaw_utf8_lead(ONE)),

    /* 0xe0 - 0xef */
    ngx_openclaw_utf8_lead(E0),
    ngx_openclaw_utf8_4(ngx_openclaw_utf8_lead(TWO)),
    ngx_openclaw_utf8_8(ngx_openclaw_utf8_lead(TWO)),
    ngx_openclaw_utf8_lead(ED),
    ngx_openclaw_utf8_2(ngx_openclaw_utf8_lead(TWO)),

    /* 0xf0 - 0xff */
    ngx_openclaw_utf8_lead(F0),
    ngx_openclaw_utf8_2(ngx_openclaw_utf8_lead(THREE)),
    ngx_openclaw_utf8_lead(THREE),
    ngx_openclaw_utf8_lead(F4),
    NGX_OPENCLAW_UTF8_ERROR,
    ngx_openclaw_utf8_2(NGX_OPENCLAW_UTF8_ERROR),
    ngx_openclaw_utf8_8(NGX_OPENCLAW_UTF8_ERROR)
};


ngx_int_t
ngx_openclaw_utf8_check(uint32_t *state, u_char *data, size_t len)
{
    u_char  *last;

    last = data + len;

    if (len >= NGX_OPENCLAW_UTF8_BEFORE + NGX_OPENCLAW_UTF8_BLOCK) {

        /* a character that came before ends here, or where blocks see it */

        *state = ngx_openclaw_utf8_automaton(*state, data,
                                             data + NGX_OPENCLAW_UTF8_BEFORE);

        if (*state == NGX_OPENCLAW_UTF8_BAD) {
            return NGX_ERROR;
        }

        data = ngx_openclaw_utf8_blocks(data + NGX_OPENCLAW_UTF8_BEFORE, last);

        if (data == NULL) {
            *state = NGX_OPENCLAW_UTF8_BAD;
            return NGX_ERROR;
        }

        *state = NGX_OPENCLAW_UTF8_DONE;
    }

    *state = ngx_openclaw_utf8_automaton(*state, data, last);

    if (*state == NGX_OPENCLAW_UTF8_BAD) {
        return NGX_ERROR;
    }

    return (*state == NGX_OPENCLAW_UTF8_DONE) ? NGX_OK : NGX_AGAIN;
}


static uint32_t
ngx_openclaw_utf8_automaton(uint32_t state, u_char *data, u_char *last)
{
    uint64_t  row, word;

    row = state;

    /* only the low bits of row are a state, the next step masks the others */

    while (data < last) {

        if (last - data >= 8
            && (row & NGX_OPENCLAW_UTF8_STATE) == NGX_OPENCLAW_UTF8_DONE)
        {
            ngx_memcpy(&word, data, 8);

            if ((word & NGX_OPENCLAW_UTF8_HIGH_BITS) == 0) {
                data += 8;
                continue;
            }
        }

        row = ngx_openclaw_utf8_rows[*data++]
              >> (row & NGX_OPENCLAW_UTF8_STATE);
    }

    return (uint32_t) (row & NGX_OPENCLAW_UTF8_STATE);
}


/*
 * Returns the border of characters from which on the automaton has to see to
 * the rest, NULL if there is an error before.
 */

static u_char *
ngx_openclaw_utf8_blocks(u_char *data, u_char *last)
{
    u_char  *p;

    for (p = data;
         last - p >= NGX_OPENCLAW_UTF8_BLOCK;
         p += NGX_OPENCLAW_UTF8_BLOCK)
    {
        if (ngx_openclaw_utf8_ascii(p) && ngx_openclaw_utf8_border(p) == p) {
            continue;
        }

        if (!ngx_openclaw_utf8_block(p)) {
            return NULL;
        }
    }

    return ngx_openclaw_utf8_border(p);
}


static ngx_inline ngx_uint_t
ngx_openclaw_utf8_ascii(u_char *p)
{
    uint64_t    word, bits;
    ngx_uint_t  i;

    bits = 0;

    for (i = 0; i < NGX_OPENCLAW_UTF8_BLOCK; i += 8) {
        ngx_memcpy(&word, p + i, 8);
        bits |= word;
    }

    return (bits & NGX_OPENCLAW_UTF8_HIGH_BITS) == 0;
}


static ngx_inline ngx_uint_t
ngx_openclaw_utf8_block(u_char *p)
{
    uint64_t                   word[2];
    ngx_uint_t                 i;
    ngx_openclaw_utf8_bytes_t  errors;

    ngx_memzero(&errors, sizeof(errors));

    for (i = 0; i < NGX_OPENCLAW_UTF8_BLOCK; i += sizeof(errors)) {
        ngx_openclaw_utf8_errors(p + i, &errors);
    }

    ngx_memcpy(word, &errors, sizeof(errors));

    return (word[0] | word[1]) == 0;
}


/*
 * Marks the bytes from p on that can't follow those before them, be they in
 * the same block or not.
 */

static ngx_inline void
ngx_openclaw_utf8_errors(u_char *p, ngx_openclaw_utf8_bytes_t *errors)
{
    ngx_openclaw_utf8_bytes_t   ch, prev, prev2, prev3, due, next, bad;
    ngx_openclaw_utf8_bytes_t   below_90, below_a0;
    ngx_openclaw_utf8_signed_t  sch;

    ngx_memcpy(&ch, p, sizeof(ch));
    ngx_memcpy(&prev, p - 1, sizeof(ch));
    ngx_memcpy(&prev2, p - 2, sizeof(ch));
    ngx_memcpy(&prev3, p - 3, sizeof(ch));

    /* from 0x80 on, bytes are negative */

    sch = (ngx_openclaw_utf8_signed_t) ch;

    next = ngx_openclaw_utf8_where(sch < (signed char) 0xc0);
    below_a0 = ngx_openclaw_utf8_where(sch < (signed char) 0xa0);
    below_90 = ngx_openclaw_utf8_where(sch < (signed char) 0x90);

    /* a continuation byte comes where a lead calls for it, and only there */

    due = ngx_openclaw_utf8_where(prev >= 0xc0)
          | ngx_openclaw_utf8_where(prev2 >= 0xe0)
          | ngx_openclaw_utf8_where(prev3 >= 0xf0);

    bad = due ^ next;

    /* these are never leads */

    bad |= ngx_openclaw_utf8_where((ch & 0xfe) == 0xc0)
           | ngx_openclaw_utf8_where(ch >= 0xf5);

    /* overlongs of three bytes, surrogates, overlongs of four, too much */

    bad |= (ngx_openclaw_utf8_where(prev == 0xe0) & below_a0)
           | (ngx_openclaw_utf8_where(prev == 0xed) & ~below_a0)
           | (ngx_openclaw_utf8_where(prev == 0xf0) & below_90)
           | (ngx_openclaw_utf8_where(prev == 0xf4) & ~below_90);

    *errors |= bad;
}


/* returns where the character begins that has not ended before p, or p */

static ngx_inline u_char *
ngx_openclaw_utf8_border(u_char *p)
{
    if (p[-1] >= 0xc0) {
        return p - 1;
    }

    if (p[-2] >= 0xe0) {
        return p - 2;
    }

    return (p[-3] >= 0xf0) ? p - 3 : p;
}
