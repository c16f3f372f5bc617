# Targets of the lab; included by the Makefile at the top. docs/lab.md tells what the lab is.
.PHONY: lab lab-down lab-status lab-check image-lab

lab: ## brings up the lab: Kubernetes and two Active Directory forests (root)
	lab/up.sh

lab-down: ## takes the lab down and removes what it left (root)
	lab/down.sh

lab-status: ## what of the lab runs
	lab/kubernetes-status.sh
	lab/forest-status.sh

lab-check: ## sees that the lab's Kubernetes does what GalSync needs (root)
	lab/kubernetes-check.sh

image-lab: build ## the image in the profile of the tests, given to the lab's cluster
	lab/image-load.sh "$$(lab/image.sh $(BINARY) lab)"
