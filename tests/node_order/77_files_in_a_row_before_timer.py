"""A file is looked at, then looked for, before a timer of 400 ms."""

import errno

from minirt import Error, fs, set_timeout


def missing(result):
    match result:
        case Error(OSError() as error):
            print(errno.errorcode[error.errno])


def there(_):
    print("there")
    fs.stat("/no/such/file", missing)


set_timeout(400, lambda _: print("timer"))
fs.stat(".", there)
