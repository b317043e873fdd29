"""Several proxies that act as one, through a Valkey or Redis: never asked on a request's way."""
