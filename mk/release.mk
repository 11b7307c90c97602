# SPDX-License-Identifier: BSD-3-Clause
# What a release is made of: docs/releasing.md has the order.

.PHONY: dist check-dist check-deb check-recipes
dist: ## the release: tarball, bill of materials (SPDX), checksums, in build/dist
	@scripts/dist '$(BUILD)'

check-dist: ## make the release, build from it, make it again from there
	@MAKE='$(MAKE)' scripts/check-dist '$(BUILD)'

check-deb: ## build the Debian packages, install, try and remove them
	@scripts/check-deb '$(BUILD)'

check-recipes: ## try the recipes for Conan and vcpkg, as far as no network is needed
	@MAKE='$(MAKE)' CONAN='$(CONAN)' scripts/check-recipes '$(BUILD)'
