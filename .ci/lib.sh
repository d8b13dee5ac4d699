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
