"""An immediate that breeds lets a close callback in between."""

from minirt import net, set_immediate


def connected(_):
    client.on_close = lambda _: print("close")
    client.destroy()
    set_immediate(first)


def first(_):
    print("i1")
    set_immediate(second)


def second(_):
    print("i2")
    server.close()


def ignore_errors(connection):
    connection.on_error = lambda _: None


server = net.create_server(ignore_errors)
client = net.connect(*server.address, connected)
