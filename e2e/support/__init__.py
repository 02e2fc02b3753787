"""What the end-to-end scenarios, the demo and the controllers' conformance tests share."""
