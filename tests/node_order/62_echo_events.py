"""One client's own events: connect, data, end, close."""

from minirt import net


def echo(connection):
    connection.on_data = lambda received: connection.write(received.into_bytes())


def connected(_):
    print("connect")
    client.end(b"hi")


def closed(_):
    print("close")
    server.close(lambda _: print("server close"))


server = net.create_server(echo)
client = net.connect(*server.address, connected)
client.on_data = lambda received: print("data " + received.into_bytes().decode())
client.on_end = lambda _: print("end")
client.on_close = closed
