# ngx_http_openclaw_module
#
#   make        the module, build/ngx_http_openclaw_module.so
#   make run    nginx, a chat page and an agent on http://127.0.0.1:18800/
#   make test   all tests that need no real gateway
#   make e2e    the tests against a real OpenClaw gateway
#   make asan   the .t tests with AddressSanitizer and UBSan in the module,
#               and the former in nginx itself, which is built for it
#   make valgrind  the .t tests under valgrind, which takes long
#   make echo   build/ngx_http_ws_echo_module.so, which tests talk to
#   make fuzz   any bytes for what reads bytes, for as long as you like
#   make bench  how fast and how small the module is, beside others
#   make soak   clients, a flaky agent, reloads and crashes, for a while
#   make deb    a Debian package, in build/deb/, which is tried in a clean root
#   make lint   the rules of the house
#   make clean
#
# NGINX_SRC=dir           build against (and test with) an nginx source tree
#                         instead of Debian's nginx-dev
# OPENCLAW_URL=url        make run: a real gateway instead of the demo agent,
# OPENCLAW_TOKEN=token    and its token
# PORT=n                  make run: another port than 18800
# DELAY=seconds           make run: before each word of the demo agent
# STOCK=1                 make asan, make soak: nginx as it is, which shows less
# SCREENSHOT=1            make e2e: takes docs/chat-page.png anew
# T="file ..."            make test, asan, valgrind: these .t files only
# TIME=n[s|m|h]           make soak: for how long, two minutes by default
# SEED=n                  make soak: the choices of another run
# ASAN=1                  make soak: with the sanitizers
# V=1                     make test, asan, valgrind: say each test
# J=n                     make test, asan, valgrind: so many files at a time
# TARGET="name ..."       make fuzz: these only; t/fuzz/NAME_fuzz.c
# FUZZ_TIME=seconds       make fuzz: for each target, 60 by default
# IN_PLACE=1              make deb: try the package on this system instead
# BENCH="name ..."        make bench: these measures only; .ci/bench has a list
# ROUNDS=n                make bench: each so many times, 5 by default
# PLOT=1                  make bench: draws docs/performance-*.svg anew
# KEEP=1                  make fuzz: keep what covers more, in t/fuzz

export NGINX_SRC OPENCLAW_URL OPENCLAW_TOKEN PORT DELAY STOCK T V J
export TARGET FUZZ_TIME KEEP TIME SEED ASAN IN_PLACE SCREENSHOT
export BENCH ROUNDS PLOT

.PHONY: all module nginx echo run test asan valgrind e2e fuzz soak bench deb
.PHONY: lint clean

all: module

module:
	@.ci/build module

# the nginx of a source tree, build/nginx-src/objs/nginx
nginx:
	@.ci/build nginx

echo:
	@.ci/build echo

run:
	@.ci/serve

test:
	@.ci/test

asan valgrind:
	@.ci/test $@

e2e:
	@.ci/test e2e

fuzz:
	@.ci/fuzz

bench:
	@.ci/bench

soak:
	@.ci/soak

deb:
	@.ci/deb

lint:
	@.ci/lint

# what e2e installed stays: it is long to get
clean:
	@for f in build/*; do \
	    [ "$$f" = build/e2e ] || rm -rf "$$f"; \
	done
	@rm -rf t/servroot*
