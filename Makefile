# A thin front for Meson: 'make help' lists the targets. Everything is built under build*/.
BUILD ?= build
MESON_OPTIONS ?=
SANITIZE ?=
comma := ,
ifneq ($(SANITIZE),)
BUILD := build-$(subst $(comma),-,$(SANITIZE))
MESON_OPTIONS += -Db_sanitize=$(SANITIZE) -Db_lundef=false -Dbuildtype=debugoptimized
endif

.PHONY: all help build python wheel test test-quick test-train bench bench-video soak demo deb test-deb install format lint fuzz cross clean

all: build

help:
	@echo "make              build the libraries and the program into $(BUILD)/"
	@echo "make python       the Python module alone, in $(BUILD)/bindings/python"
	@echo "make wheel        … and as a wheel with the libraries in it, in out/"
	@echo "make test         build and run every test, also under sanitizers"
	@echo "make test-quick   the three-minute version"
	@echo "make test-train   the trainer's tests alone (installs PyTorch)"
	@echo "make demo         find the people in a photo: out/demo.png, out/demo.json"
	@echo "make bench        compare with other runtimes side by side (INT8= folder of int8 models)"
	@echo "make bench-video  stance pose on videos beside rtmlib (PYTHON= that has it)"
	@echo "make soak         memory through 20,000 frames of 1080p, about an hour"
	@echo "make fuzz         run each fuzz target for 60 s"
	@echo "make cross        build for aarch64 and test under qemu-user"
	@echo "make lint         formatting, clang-tidy, cppcheck, warnings of clang, layers"
	@echo "make format       reformat the sources"
	@echo "make deb          Debian packages in out/deb: library, program, headers, Python"
	@echo "make test-deb     … and try them in a fresh Debian (root, debootstrap)"
	@echo "make install      install (PREFIX=/usr/local, DESTDIR=)"
	@echo "SANITIZE=address,undefined builds and tests that way in a folder of its own"

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) product

$(BUILD)/build.ninja:
	@scripts/install-deps
	@meson setup $(BUILD) $(if $(PREFIX),--prefix=$(PREFIX)) $(MESON_OPTIONS) >/dev/null || \
		{ cat $(BUILD)/meson-logs/meson-log.txt >&2; exit 1; }

python:
	@scripts/install-deps core python
	@[ -f $(BUILD)/build.ninja ] || $(MAKE) --no-print-directory build
	@meson configure $(BUILD) -Dpython=enabled && ninja -C $(BUILD) python

wheel: python build
	@scripts/wheel $(BUILD)

test:
	@scripts/test $(if $(SANITIZE),sanitize $(SANITIZE),full)

test-quick:
	@scripts/test quick

test-train: build
	@scripts/install-deps train
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs --suite train

demo: build
	@scripts/demo $(BUILD)

bench: build
	@ninja -C $(BUILD) bench/seeded_models
	@bench/peers $(if $(INT8),--int8 $(INT8)) $(BUILD)

bench-video: build
	@ninja -C $(BUILD) bench/seeded_models
	@bench/video $(if $(PYTHON),--python $(PYTHON)) $(BUILD)

soak: build
	@ninja -C $(BUILD) bench/seeded_models bench/loop
	@bench/soak $(BUILD)

deb:
	@scripts/deb

test-deb: deb
	@scripts/test-deb

install: build
	@$(if $(PREFIX),meson configure $(BUILD) --prefix=$(PREFIX) && ninja -C $(BUILD) product)
	@meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir=$(abspath $(DESTDIR)))

format:
	@scripts/install-deps lint
	@git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs clang-format -i

lint:
	@scripts/lint

fuzz:
	@scripts/fuzz 60

cross:
	@scripts/cross

clean:
	rm -rf build build-*
