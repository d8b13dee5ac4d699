
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * What LeakSanitizer has to know of nginx: .ci/build puts this at the end of
 * src/os/unix/ngx_process_cycle.c in its copy of the tree.
 */


int         __lsan_is_turned_off(void);
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);


/*
 * One that ends for another reason than to be told so, as "nginx -t" and the
 * parent of a daemon do, leaves all that it has to the system.
 */

int
__lsan_is_turned_off(void)
{
    return !(ngx_terminate || ngx_quit || ngx_exiting);
}


const char *
__lsan_default_suppressions(void)
{
    /*
     * A worker leaves its connections and events to the system, and PCRE what
     * it has compiled in the pool of a cycle.
     */

    return "leak:ngx_event_process_init\n"
           "leak:ngx_http_regex_compile\n";
}


/* nginx gives no environment to a binary that replaces it */

const char *
__lsan_default_options(void)
{
    return "print_suppressions=0";
}
