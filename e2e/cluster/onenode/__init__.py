"""A real Kubernetes cluster of one node, run by hand-started processes on this machine."""
