"""socket.destroy(): the close callback runs after check, before timers."""

from minirt import net, next_tick, set_immediate, set_timeout


def connected(_):
    def timer(_):
        print("timeout")
        server.close()

    set_timeout(0, timer)
    client.on_close = lambda _: print("close")
    client.destroy()
    next_tick(lambda _: print("tick"))
    set_immediate(lambda _: print("immediate"))


def ignore_errors(connection):
    connection.on_error = lambda _: None


server = net.create_server(ignore_errors)
client = net.connect(*server.address, connected)
