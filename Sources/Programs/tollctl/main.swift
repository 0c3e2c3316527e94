// tollctl
