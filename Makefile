# Thin: CMake does the work, tools/install-packages brings what it needs.
.PHONY: all packages demo test torture bench corpus lint fuzz install clean

all: packages
	@cmake --preset default >/dev/null
	@cmake --build build

packages:
	@tools/install-packages test

demo test torture bench corpus lint fuzz: all
	@tests/run/$@

install: all
	@cmake --install build

clean:
	rm -rf build build-asan build-tsan build-fuzz
