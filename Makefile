# The commands of sonset. `make demo`, `make test` and `make proof` install what is missing; the others only build.

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
CARGO ?= cargo
# The demo's sound and further arguments.
WAV ?= examples/speech.wav
ARGS ?=

# Where cargo builds.
out := $(or $(CARGO_TARGET_DIR),target)/release
version := $(shell sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' Cargo.toml)

# Programs load the library under the name that build.rs gives it, which changes with the ABI only.
ifeq ($(shell uname -s),Darwin)
library := libsonset.dylib
loaded_as := libsonset.0.dylib
device_library :=
else
library := libsonset.so
loaded_as := libsonset.so.0
device_library := libsonset_devices.so
endif

.PHONY: build demo test proof header install clean help

build:
	$(CARGO) build --release --workspace
	ln -sf $(library) $(out)/$(loaded_as)

demo:
	scripts/setup build
	$(MAKE) build
	mkdir -p build
	$(CC) -std=c99 -O2 -Wall -Wextra -Iinclude examples/c/play_record.c -o build/play_record \
	    -L$(out) -lsonset -lm -Wl,-rpath,$(abspath $(out))
	build/play_record $(WAV) build/recording.wav build/recording.svg $(ARGS)

test:
	scripts/test

proof:
	scripts/proof

header:
	scripts/setup test
	scripts/header

# Builds nothing: under sudo, cargo would be another user's, and what it builds too.
install:
	@for file in $(library) $(device_library) libsonset.a sonset-check; do [ -e $(out)/$$file ] || { \
	    echo "install: $(out)/$$file is missing: run 'make' first, as yourself; only 'make install' may need sudo" >&2; \
	    exit 1; }; done
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(out)/sonset-check $(DESTDIR)$(PREFIX)/bin/
	install -m 644 include/sonset.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(out)/libsonset.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(out)/$(library) $(DESTDIR)$(PREFIX)/lib/$(loaded_as)
	ln -sf $(loaded_as) $(DESTDIR)$(PREFIX)/lib/$(library)
	$(if $(device_library),install -m 755 $(out)/$(device_library) $(DESTDIR)$(PREFIX)/lib/)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(version)|' scripts/sonset.pc.in \
	    >$(DESTDIR)$(PREFIX)/lib/pkgconfig/sonset.pc
	$(if $(DESTDIR),,@[ "$$(id -u)" -ne 0 ] || ! command -v ldconfig >/dev/null || ldconfig)

clean:
	$(CARGO) clean
	rm -rf build

help:
	@echo 'make           builds the libraries and sonset-check into $(out)'
	@echo 'make demo      plays and records; WAV=file.wav for a sound of yours, ARGS=... for the program'
	@echo 'make test      runs every test that fits in twenty minutes'
	@echo 'make proof     runs what takes longer: models, Miri, sanitizers, fuzzing; PROOF_MINUTES=... for more of it'
	@echo 'make install   installs what make has built below PREFIX ($(PREFIX)), staged into DESTDIR if given'
	@echo 'make header    writes include/sonset.h from the Rust sources'
	@echo 'make clean     removes what was built'
