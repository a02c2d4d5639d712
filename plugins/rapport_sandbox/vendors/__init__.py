"""One HTTP double a vendor; a module with `VENDOR`, `router` and `LIMITS` is found by existing."""
