# Common to the scripts of this directory, which start with
#
#     . "$(dirname "$0")/lib.sh"

set -u -o pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top" || exit 1

# what make was told is in the environment; its flags would confuse the make
# of nginx, and may hold the token
unset MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL

# nginx lives where ordinary users do not look
PATH=$PATH:/usr/sbin:/sbin

module=build/ngx_http_openclaw_module.so


say()
{
    printf '%s\n' "$*"
}


die()
{
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}


# the nginx to run
nginx_binary()
{
    if [ -n "${NGINX_SRC:-}" ]; then
        echo "$top/build/nginx-src/objs/nginx"
    else
        command -v nginx
    fi
}


# builds these parts, and nginx where it is not the one that is installed, and
# tells tests of them; all with sanitizers if SANITIZE is set, unless STOCK says
# that nginx is to be the one without
set_up()
{
    local what

    for what in "$@"; do
        .ci/build "$what" || exit 1
    done

    export TEST_NGINX_BINARY OPENCLAW_MODULE=$top/$module

    if [ -n "${SANITIZE:-}" ]; then
        OPENCLAW_MODULE=$top/build/asan/$(basename $module)

        # with commas, for the test library adds to them

        export ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS

        ASAN_OPTIONS=detect_odr_violation=0,detect_stack_use_after_return=1
        UBSAN_OPTIONS=print_stacktrace=1
        LSAN_OPTIONS=print_suppressions=0

        if [ -z "${STOCK:-}" ]; then
            .ci/build nginx || exit 1
            TEST_NGINX_BINARY=$top/build/asan/binary/objs/nginx
            return
        fi

        # leaks of nginx can't be told from others in a stripped binary

        ASAN_OPTIONS+=,detect_leaks=0
        export TEST_NGINX_LD_PRELOAD
        TEST_NGINX_LD_PRELOAD=$(gcc -print-file-name=libasan.so)
    fi

    [ -z "${NGINX_SRC:-}" ] || SANITIZE= .ci/build nginx || exit 1
    TEST_NGINX_BINARY=$(nginx_binary) || die "no nginx here"
}


# where the headers of the nginx that was configured are, for a compiler;
# with an argument of -isystem they are not warned about
nginx_includes()
{
    local tree=build/nginx dir

    [ -z "${NGINX_SRC:-}" ] || tree=build/nginx-src

    for dir in src/core src/event src/event/modules src/os/unix src/http \
        src/http/modules src/http/v2 objs
    do
        printf '%s %s ' "${1:--I}" "$tree/$dir"
    done
}
