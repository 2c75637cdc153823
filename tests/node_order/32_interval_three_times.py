"""setInterval until cleared."""

from minirt import Runtime, clear_interval, set_interval

count = 0


def again(_):
    global count
    count += 1
    print(f"i{count}")
    if count == 3:
        clear_interval(interval)
        print("cleared")


interval = set_interval(5, again)
Runtime.current().at_close(lambda: print("exit"))
