"""What a program does with a runtime: files, computing, the web and the network.

`fs`, `crypto`, `http` and `net` speak to the runtime that is running, as Node's modules do.
`slowserver` answers on the loopback after a chosen delay.
"""
