# Targets of the lab; included by the Makefile at the top. docs/lab.md tells what the lab is.
.PHONY: lab lab-down lab-status lab-check image-lab

lab: ## Bring up the lab: Kubernetes and two Active Directory forests (root)
	lab/kubernetes-up.sh
	$(if $(wildcard lab/forests-up.sh),lab/forests-up.sh)

lab-down: ## Take the lab down and remove what it left (root)
	$(if $(wildcard lab/forests-down.sh),lab/forests-down.sh)
	lab/kubernetes-down.sh

lab-status: ## Tell what of the lab runs
	lab/kubernetes-status.sh
	$(if $(wildcard lab/forests-status.sh),lab/forests-status.sh)

lab-check: ## See that the lab's Kubernetes does what GalSync needs (root)
	lab/kubernetes-check.sh

image-lab: ## Make the image from the shared light build and give it to the lab's cluster
	cargo build --bin galsync
	lab/image-load.sh "$$(lab/image.sh "$${CARGO_TARGET_DIR:-target}/debug/galsync" lab)"
