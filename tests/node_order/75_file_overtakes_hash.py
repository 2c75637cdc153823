"""A file's answer overtakes a long hash."""

from minirt import crypto, fs

crypto.pbkdf2("p", "s", 1_000_000, lambda _: print("hash"))
fs.stat(".", lambda _: print("file"))
