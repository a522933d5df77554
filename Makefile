# The IPC teaching toolkit. Every DIR/NAME.c becomes the program DIR/NAME.
#
#   make O=build/asan SAN=address,undefined    a second tree, with sanitizers
#   make O=build/musl CC=musl-gcc              a second tree, another C library
#   make V=1                                   prints each command, and not only "CC pipe/eof.c"

O       = build
SAN     =
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
INSTALL = $(DESTDIR)$(PREFIX)/lib/ipc

LIBRT = -lrt # shm_open() and mq_open(), with glibc before 2.34; empty since then

DIRS  = pipe fifo msgq shm sem signals dup
WARN  = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings -Wpointer-arith
FLAGS = -std=c17 -D_XOPEN_SOURCE=700 -D_FILE_OFFSET_BITS=64 -pthread $(WARN) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)

# A program is built beside its source, so that ./pipe/eof runs it; with another O than build, below that.
BIN      = $(if $(filter build,$(O)),.,$(O))
SOURCES  = $(wildcard $(DIRS:%=%/*.c)) lib/tools/why.c
PROGRAMS = $(SOURCES:%.c=$(BIN)/%)
PARTS    = $(patsubst %.c,$(O)/%.o,$(wildcard lib/*.c lib/bench/*.c))
LIB      = $(O)/lib.a
NOTES    = $(wildcard $(DIRS:%=%/README.md) $(DIRS:%=%/pictures/*.svg))
MEND     = $(wildcard $(DIRS:%=%/mend/*)) lib/tools/look.bash

# What stands before a command: a short line instead of it, unless there is V=1; nothing with make -s.
short = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,echo "$(1) $(2)";))

all: $(PROGRAMS)                ## build every program (this is the default)

$(PROGRAMS): $(BIN)/%: $(O)/%.o $(LIB)
	@mkdir -p $(@D)
	$(call short,LD,$@)$(CC) $(FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBRT)

$(BIN)/lib/tools/why: $(O)/lib/tools/look.o

$(LIB): $(PARTS)
	@rm -f $@
	$(call short,AR,$@)$(AR) rc $@ $^

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call short,CC,$<)$(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

tour: all                       ## see the most telling demos, one after another: ./ipc tour
	@./ipc tour

list:                           ## every program, and what it shows: ./ipc list
	@./ipc list

check: all                      ## test every program and every note
	@tests/run $(BIN)

faults:                         ## make every system call of every program fail in turn
	@$(MAKE) -s O=build/faults LDFLAGS=-static
	@tests/faults build/faults

delays:                         ## make every system call of every program late in turn
	@$(MAKE) -s O=build/faults LDFLAGS=-static
	@DELAY=150 tests/faults build/faults

proofs: all                     ## delete the guard of each demo in a copy: the demo itself must notice
	@tests/prove $(BIN)

truth: all                      ## compare every story with the kernel's own trace
	@tests/truth $(BIN)

restricted: all                 ## run every program on systems that forbid or hide something (as root)
	@tests/restricted $(BIN)

stress: all                     ## run every demo N times (50), some of them under load, and kill them
	@tests/stress $(BIN) $(N)

bench: all                      ## measure what each mechanism costs, for six minutes: build/bench.tsv and bench.svg
	@cd $(BIN) && sh "$(CURDIR)/lib/bench/bench.sh" "$(CURDIR)/$(O)"

pictures: all                   ## draw the pictures of the notes again, DIR/pictures/*.svg, from real runs
	@tests/private sh lib/tools/pictures.sh

lint:                           ## clang-format, clang-tidy, cppcheck, shellcheck
	@tests/lint

install: all                    ## copy the tree to PREFIX/lib/ipc, and ipc to PREFIX/bin
	for file in $(PROGRAMS:$(BIN)/%=%); do install -D "$(BIN)/$$file" "$(INSTALL)/$$file" || exit 1; done
	for file in README.md README.zh.md COURSE.md COURSE.zh.md LICENSE $(NOTES) $(MEND) $(SOURCES) $(wildcard lib/tools/*.awk); do \
	    install -D -m 644 $$file "$(INSTALL)/$$file" || exit 1; done
	for file in ipc $(wildcard lib/tools/*.sh); do install -D $$file "$(INSTALL)/$$file" || exit 1; done
	mkdir -p "$(DESTDIR)$(PREFIX)/bin"
	ln -sf ../lib/ipc/ipc "$(DESTDIR)$(PREFIX)/bin/ipc"

clean:                          ## remove what was built
	rm -rf build $(SOURCES:.c=)

help:                           ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1#\2/p' Makefile | awk -F'#' '{ printf "%-15s  %s\n", $$1, $$2 }'

.SECONDARY:
.PHONY: all tour list check faults delays proofs truth restricted stress bench pictures lint install clean help
-include $(SOURCES:%.c=$(O)/%.d) $(PARTS:.o=.d) $(O)/lib/tools/look.d
