"""Three tasks, one after the other, are done before a timer of 400 ms."""

from minirt import crypto, set_timeout


def task(number):
    def done(_):
        print(f"task{number}")
        if number < 3:
            task(number + 1)

    crypto.pbkdf2("p", "s", 1, done)


set_timeout(400, lambda _: print("timer"))
task(1)
