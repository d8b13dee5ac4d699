
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Stands in for the gateway in "make bench", and is as fast as can be:
 *
 *     agent port
 *
 * The message says how it is answered: "parts=20 every=0" is 20 parts that are
 * sent at once, "every=20" one part each 20 milliseconds.
 */


#include "io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>


#define AGENT_EVENTS  512
#define AGENT_CONNS   65536

#define AGENT_HEAD                                                            \
    "HTTP/1.1 200 OK\r\n"                                                     \
    "X-Content-Type-Options: nosniff\r\n"                                     \
    "Referrer-Policy: no-referrer\r\n"                                        \
    "Permissions-Policy: camera=(), microphone=(self), geolocation=()\r\n"    \
    "Content-Type: text/event-stream; charset=utf-8\r\n"                      \
    "Cache-Control: no-cache\r\n"                                             \
    "Connection: keep-alive\r\n"                                              \
    "Date: Sun, 22 Nov 2026 13:50:47 GMT\r\n"                                 \
    "Transfer-Encoding: chunked\r\n"                                          \
    "\r\n"

#define AGENT_NOT_FOUND                                                       \
    "HTTP/1.1 404 Not Found\r\n"                                              \
    "Content-Length: 0\r\n"                                                   \
    "\r\n"

/* what is "x" here differs from one answer or part to the next */

#define AGENT_EVENT                                                           \
    "data: {\"id\":\"chatcmpl_6f0ce2ba-3f5e-4d39-a8d6-xxxxxxxxxxxx\","        \
    "\"object\":\"chat.completion.chunk\",\"created\":1795355447,"            \
    "\"model\":\"openclaw/main\",\"choices\":[{\"index\":0,"                  \
    "\"delta\":{%s},\"finish_reason\":%s}]}\n\n"

#define AGENT_PART  "\"content\":\" @xxxxxxxxxxxxxxxxxxx %s\""
#define AGENT_DONE  "data: [DONE]\n\n"

#define AGENT_ID    12                          /* hexadecimal digits */


/* an event, as a chunk of HTTP */

typedef struct {
    char     *data;
    char     *id;
    char     *time;
    size_t    len;
} agent_event_t;


typedef struct {
    int       fd;
    size_t    heap;                             /* place in it, from 1 on */
    unsigned  writing;
    unsigned  parts;                            /* to be sent */
    uint64_t  every;                            /* in nanoseconds */
    uint64_t  due;
    uint64_t  id;
    io_buf_t  in;
    io_buf_t  out;
} agent_conn_t;


static void agent_listen(const char *port);
static void agent_accept(void);
static void agent_close(agent_conn_t *c);
static void agent_read(agent_conn_t *c);
static unsigned agent_request(agent_conn_t *c);
static unsigned agent_number(const char *body, const char *name);

static void agent_prepare(void);
static void agent_make(agent_event_t *e, const char *delta,
    const char *reason);
static void agent_event(agent_conn_t *c, agent_event_t *e);
static void agent_part(agent_conn_t *c, uint64_t now);
static void agent_send(agent_conn_t *c);

static void agent_wait(void);
static void agent_due(void);
static void agent_heap_add(agent_conn_t *c);
static void agent_heap_remove(agent_conn_t *c);
static size_t agent_heap_up(size_t i);
static void agent_heap_down(size_t i);
static void agent_heap_set(size_t i, agent_conn_t *c);


static int            agent_ep;
static int            agent_fd;
static size_t         agent_nheap;
static agent_conn_t  *agent_heap[AGENT_CONNS];  /* by the time that is due */

static agent_event_t  agent_role;
static agent_event_t  agent_stop;
static agent_event_t  agent_done;

/*
 * Parts that differ in length, as words do: some hash functions look at the
 * length and at a few bytes only.
 */

static const char    *agent_words[] = {
    "a", "it", "the", "rain", "cloud", "and sun", "tomorrow", "in the north",
    "is", "not", "even", "after", "as well", "however", "somewhere", "warmer",
    "1.5 degrees", "from", "Sunday", "to"
};

#define AGENT_WORDS  (sizeof(agent_words) / sizeof(agent_words[0]))

static agent_event_t  agent_parts[AGENT_WORDS];


int
main(int argc, char *argv[])
{
    if (argc != 2) {
        fprintf(stderr, "usage: agent port\n");
        return 2;
    }

    io_nofile();
    agent_prepare();

    agent_ep = epoll_create1(0);
    agent_listen(argv[1]);
    io_epoll(agent_ep, EPOLL_CTL_ADD, agent_fd, EPOLLIN, NULL);

    for ( ;; ) {
        agent_wait();
        agent_due();
    }
}


static void
agent_listen(const char *port)
{
    int                 on;
    struct sockaddr_in  sin;

    on = 1;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(atoi(port));
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    agent_fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);

    setsockopt(agent_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (bind(agent_fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(agent_fd, 4096) == -1)
    {
        io_die("agent: listen");
    }
}


static void
agent_accept(void)
{
    int            fd, on;
    agent_conn_t  *c;

    on = 1;

    for ( ;; ) {
        fd = accept4(agent_fd, NULL, NULL, SOCK_NONBLOCK);

        if (fd == -1) {

            if (errno == EAGAIN || errno == ECONNABORTED) {
                return;
            }

            io_die("agent: accept");
        }

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

        c = io_alloc(sizeof(agent_conn_t));
        c->fd = fd;
        io_epoll(agent_ep, EPOLL_CTL_ADD, fd, EPOLLIN, c);
    }
}


static void
agent_close(agent_conn_t *c)
{
    if (c->heap) {
        agent_heap_remove(c);
    }

    close(c->fd);
    io_free(&c->in);
    io_free(&c->out);
    free(c);
}


static void
agent_read(agent_conn_t *c)
{
    ssize_t  n;

    static char  buffer[IO_READ];

    n = recv(c->fd, buffer, sizeof(buffer), 0);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            agent_close(c);
        }

        return;
    }

    io_add(&c->in, buffer, n);

    /* one after another, be they sent ahead */

    if (c->parts == 0 && agent_request(c)) {
        agent_send(c);
    }
}


/* starts to answer the request, if all of it is there */

static unsigned
agent_request(agent_conn_t *c)
{
    char      *body, *p;
    size_t     len;
    uint64_t   now;

    static uint64_t  turns;

    body = c->in.data ? strstr(c->in.data, "\r\n\r\n") : NULL;

    if (body == NULL) {
        return 0;
    }

    body += 4;
    len = body - c->in.data;

    p = strcasestr(c->in.data, "\r\nContent-Length:");

    if (p && p < body) {
        len += strtoul(p + sizeof("\r\nContent-Length:") - 1, NULL, 10);
    }

    if (c->in.len < len) {
        return 0;
    }

    c->parts = agent_number(body, "parts=");
    c->every = (uint64_t) agent_number(body, "every=") * 1000000;

    if (strncmp(c->in.data, "POST /v1/chat/completions ", 26) != 0
        || c->parts == 0)
    {
        c->parts = 0;
        io_cut(&c->in, len);
        io_add(&c->out, AGENT_NOT_FOUND, sizeof(AGENT_NOT_FOUND) - 1);
        return 1;
    }

    io_cut(&c->in, len);
    io_add(&c->out, AGENT_HEAD, sizeof(AGENT_HEAD) - 1);

    /* any digits will do, if they are others each time */
    c->id = ++turns * 0x9e3779b97f4a7c15;

    agent_event(c, &agent_role);

    now = io_now();

    if (c->every) {
        c->due = now + c->every;
        agent_heap_add(c);
        return 1;
    }

    while (c->parts) {
        agent_part(c, now);
    }

    return 1;
}


static unsigned
agent_number(const char *body, const char *name)
{
    const char  *p;

    p = strstr(body, name);

    return p ? (unsigned) strtoul(p + strlen(name), NULL, 10) : 0;
}


static void
agent_prepare(void)
{
    char    delta[128];
    size_t  i;

    agent_make(&agent_role, "\"role\":\"assistant\"", "null");
    agent_make(&agent_stop, "", "\"stop\"");
    agent_make(&agent_done, NULL, NULL);

    for (i = 0; i < AGENT_WORDS; i++) {
        snprintf(delta, sizeof(delta), AGENT_PART, agent_words[i]);
        agent_make(&agent_parts[i], delta, "null");
    }
}


/* the end, if there is no delta */

static void
agent_make(agent_event_t *e, const char *delta, const char *reason)
{
    int   n;
    char  event[512], chunk[600];

    n = delta ? snprintf(event, sizeof(event), AGENT_EVENT, delta, reason)
              : snprintf(event, sizeof(event), AGENT_DONE);

    n = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n%s", (unsigned) n, event,
                 delta ? "" : "0\r\n\r\n");

    e->data = strdup(chunk);

    if (e->data == NULL) {
        io_die("agent: strdup");
    }

    e->len = n;
    e->id = strstr(e->data, "-xxx");
    e->time = strchr(e->data, IO_MARK);
}


static void
agent_event(agent_conn_t *c, agent_event_t *e)
{
    uint64_t  id;
    unsigned  i;

    if (e->id) {
        id = c->id;

        for (i = AGENT_ID; i; i--) {
            e->id[i] = "0123456789abcdef"[id >> 60];
            id <<= 4;
        }
    }

    io_add(&c->out, e->data, e->len);
}


static void
agent_part(agent_conn_t *c, uint64_t now)
{
    unsigned        i;
    agent_event_t  *e;

    e = &agent_parts[(c->parts + c->id) % AGENT_WORDS];

    for (i = IO_DIGITS; i; i--) {
        e->time[i] = '0' + now % 10;
        now /= 10;
    }

    agent_event(c, e);

    if (--c->parts == 0) {
        agent_event(c, &agent_stop);
        agent_event(c, &agent_done);
    }
}


static void
agent_send(agent_conn_t *c)
{
    unsigned  writing;

    do {
        if (io_send(c->fd, &c->out) == -1) {
            agent_close(c);
            return;
        }

        writing = c->out.len != 0;

    } while (!writing && c->parts == 0 && agent_request(c));

    if (writing != c->writing) {
        c->writing = writing;
        io_epoll(agent_ep, EPOLL_CTL_MOD, c->fd,
                 writing ? EPOLLIN|EPOLLOUT : EPOLLIN, c);
    }
}


static void
agent_wait(void)
{
    int                  i, n;
    uint64_t             now, wait;
    agent_conn_t        *c;
    struct timespec      ts, *timeout;
    struct epoll_event   events[AGENT_EVENTS];

    timeout = NULL;

    if (agent_nheap) {
        now = io_now();
        wait = agent_heap[1]->due > now ? agent_heap[1]->due - now : 0;
        ts.tv_sec = wait / 1000000000;
        ts.tv_nsec = wait % 1000000000;
        timeout = &ts;
    }

    n = epoll_pwait2(agent_ep, events, AGENT_EVENTS, timeout, NULL);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;

        if (c == NULL) {
            agent_accept();

        } else if (events[i].events & ~EPOLLOUT) {
            agent_read(c);

        } else {
            agent_send(c);
        }
    }
}


static void
agent_due(void)
{
    uint64_t       now;
    agent_conn_t  *c;

    while (agent_nheap) {
        now = io_now();
        c = agent_heap[1];

        if (c->due > now) {
            return;
        }

        agent_part(c, now);

        if (c->parts) {
            c->due += c->every;
            agent_heap_down(c->heap);

        } else {
            agent_heap_remove(c);
        }

        agent_send(c);
    }
}


static void
agent_heap_add(agent_conn_t *c)
{
    if (agent_nheap + 1 == AGENT_CONNS) {
        io_die("agent: too many connections");
    }

    agent_heap_set(++agent_nheap, c);
    (void) agent_heap_up(agent_nheap);
}


static void
agent_heap_remove(agent_conn_t *c)
{
    size_t         i;
    agent_conn_t  *last;

    i = c->heap;
    c->heap = 0;
    last = agent_heap[agent_nheap--];

    if (last != c) {
        agent_heap_set(i, last);
        agent_heap_down(agent_heap_up(i));
    }
}


static size_t
agent_heap_up(size_t i)
{
    agent_conn_t  *c;

    c = agent_heap[i];

    for ( /* void */ ; i > 1 && agent_heap[i / 2]->due > c->due; i /= 2) {
        agent_heap_set(i, agent_heap[i / 2]);
    }

    agent_heap_set(i, c);

    return i;
}


static void
agent_heap_down(size_t i)
{
    size_t         k;
    agent_conn_t  *c;

    c = agent_heap[i];

    for ( /* void */ ; i * 2 <= agent_nheap; i = k) {
        k = i * 2;

        if (k < agent_nheap && agent_heap[k + 1]->due < agent_heap[k]->due) {
            k++;
        }

        if (agent_heap[k]->due >= c->due) {
            break;
        }

        agent_heap_set(i, agent_heap[k]);
    }

    agent_heap_set(i, c);
}


static void
agent_heap_set(size_t i, agent_conn_t *c)
{
    agent_heap[i] = c;
    c->heap = i;
}
