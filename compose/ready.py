"""Health check of a container: exit status 0 if the process in it is ready. Prints the body of `/readyz`."""

import os
import socket
import sys


def main() -> int:
    port = int(os.environ["LISTEN"].rpartition(":")[2])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    except OSError as error:
        print(f"no reply on port {port}: {error}")
        return 1
    print(body.decode())
    return 0 if b" 200 " in head.partition(b"\r\n")[0] else 1


if __name__ == "__main__":
    sys.exit(main())
