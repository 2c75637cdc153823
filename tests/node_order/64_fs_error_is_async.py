"""An error also arrives through the callback, later."""

import errno

from minirt import Error, fs


def failed(result):
    match result:
        case Error(OSError() as error):
            print(errno.errorcode[error.errno])


fs.stat("/no/such/file", failed)
print("main end")
