
/*
 * Copyright (C) the authors of the OpenClaw module
 */


/*
 * Runs a target without libFuzzer over what is kept of its inputs, and prints
 * TAP.  A line of a file is an input, with bytes written as in C strings:
 * \n, \r, \t, \\ and \xNN, or a comment that begins with "#".
 */


#include <fuzz.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>


static void replay(const char *path, int n);
static size_t decode(char *line, u_char *p);
static void died(void);
static void aborted(int signo);


static char  place[256];


int
main(int argc, char *argv[])
{
    int  i;

    static char  *files[] = {
        "t/fuzz/" FUZZ_TARGET ".seeds",
        "t/fuzz/" FUZZ_TARGET ".corpus"
    };

    __sanitizer_set_death_callback(died);
    signal(SIGABRT, aborted);

    if (argc == 1) {
        argv = files - 1;
        argc = 3;
    }

    printf("1..%d\n", argc - 1);

    for (i = 1; i < argc; i++) {
        replay(argv[i], i);
    }

    return 0;
}


static void
replay(const char *path, int n)
{
    int       inputs;
    char     *line;
    FILE     *f;
    size_t    size, len;
    u_char   *data;
    ssize_t   nread;

    inputs = 0;
    line = NULL;
    size = 0;
    place[0] = '\0';

    f = fopen(path, "r");

    while (f) {
        nread = getline(&line, &size, f);

        if (nread <= 0) {
            break;
        }

        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }

        snprintf(place, sizeof(place), "%s, input %d", path, ++inputs);

        data = malloc(nread);

        if (data == NULL) {
            break;
        }

        len = decode(line, data);
        data = realloc(data, len ? len : 1);

        LLVMFuzzerTestOneInput(data, len);

        free(data);
    }

    printf("%sok %d - the %d inputs of %s\n", inputs ? "" : "not ", n, inputs,
           path);
    fflush(stdout);

    if (f) {
        fclose(f);
    }

    free(line);
}


static size_t
decode(char *line, u_char *p)
{
    char    hex[3];
    u_char  *start;

    start = p;

    for ( /* void */ ; *line && *line != '\n'; line++) {

        if (*line != '\\') {
            *p++ = (u_char) *line;
            continue;
        }

        switch (*++line) {

        case 'n':
            *p++ = LF;
            break;

        case 'r':
            *p++ = CR;
            break;

        case 't':
            *p++ = '\t';
            break;

        case 'x':
            if (line[1] == '\0' || line[2] == '\0') {
                return p - start;
            }

            hex[0] = *++line;
            hex[1] = *++line;
            hex[2] = '\0';
            *p++ = (u_char) strtol(hex, NULL, 16);
            break;

        case '\0':
            return p - start;

        default:
            *p++ = (u_char) *line;
            break;
        }
    }

    return p - start;
}


static void
died(void)
{
    fprintf(stderr, "# %s\n", place);
}


static void
aborted(int signo)
{
    died();
}
