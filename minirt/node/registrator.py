"""How does a program say which descriptor an event of its own is about?

In two steps, as in the source chapter: `register` gives a descriptor a token, and
`register_event_epoll` gives the token a callback. Either may come first. Underneath it is one
listener for each token, which the loop's `watch` would make in one step.
"""

from functools import partial

from minirt.core.callbacks import Listener, check_callable
from minirt.core.loop import Loop
from minirt.core.polls import FileLike, Interest, checked, descriptor
from minirt.errors import AlreadyRegistered, IdentityTaken, NotRegistered
from minirt.identity import checked_identity
from minirt.values import Callback, Js


class Token:
    """A number of the program's: its listener, and the descriptors that report to it."""

    __slots__ = ("callback", "had_descriptor", "is_persistent", "listener")

    def __init__(self, number: int) -> None:
        self.listener = Listener(number, None)
        self.callback: Callback | None = None  # None: nobody asked for its event
        self.is_persistent = False
        self.had_descriptor = False


class Registrator:
    """Interests by descriptor. Reading and writing may have a token, so a callback, each."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._tokens: dict[int, Token] = {}

    # Descriptors

    def register(self, fileobj: FileLike, token: int, interest: Interest) -> None:
        """Watch `fileobj` for `interest`; its events carry `token`.

        AlreadyRegistered when that interest has a token, NotPollable for a regular file.
        """
        self._loop.check_thread()
        poll, asked = self._loop.poll, checked(interest)
        checked_identity(token)
        watch = poll.same_file(fileobj, descriptor(fileobj))
        if watch is not None and watch.mask & asked:
            raise AlreadyRegistered(fileobj)
        known = self._tokens.get(token) or Token(token)
        poll.watch(fileobj, interest, known.listener)  # first: it may refuse
        known.had_descriptor = True
        self._tokens[token] = known
        self._arrange(token, known)

    def modify(self, fileobj: FileLike, token: int, interest: Interest) -> None:
        """From now on `token` is told about `interest` and nothing else.

        NotRegistered without register().
        """
        self._loop.check_thread()
        poll, asked = self._loop.poll, checked(interest)
        watch = poll.same_file(fileobj, descriptor(fileobj))
        known = self._tokens.get(token)
        if watch is None or known is None or known.listener not in watch.listeners():
            raise NotRegistered(fileobj)
        for side, bit in ((watch.reader, Interest.READABLE), (watch.writer, Interest.WRITABLE)):
            if asked & bit and side not in (None, known.listener):
                raise AlreadyRegistered(fileobj)
        poll.watch(fileobj, interest, known.listener)
        for bit in (Interest.READABLE, Interest.WRITABLE):
            if not asked & bit:
                poll.unwatch(fileobj, bit, known.listener)

    def deregister(self, fileobj: FileLike, token: int | None = None) -> None:
        """Watch no longer: for this token, or for any. NotRegistered when it was not watched."""
        self._loop.check_thread()
        only = None
        if token is not None:
            known = self._tokens.get(token)
            if known is None:
                raise NotRegistered(fileobj)
            only = known.listener
        gone = self._loop.poll.unwatch(fileobj, None, only)
        if not gone:
            raise NotRegistered(fileobj)
        for listener in gone:
            known = self._tokens.get(listener.identity)
            if known is not None and known.listener is listener:
                self._arrange(listener.identity, known)

    def is_watched(self, token: int) -> bool:
        """Does a descriptor report to `token`?"""
        known = self._tokens.get(token)
        return known is not None and bool(known.listener.watches)

    # Events

    def knows(self, token: int) -> bool:
        """Has this token a callback?"""
        known = self._tokens.get(token)
        return known is not None and known.callback is not None

    def expect(self, token: int, callback: Callback, persistent: bool) -> None:
        """`callback` receives the readiness of what was registered with `token`."""
        check_callable(callback)
        checked_identity(token)
        callbacks, known = self._loop.callbacks, self._tokens.get(token)
        if self.knows(token) or callbacks.is_taken(token):
            raise IdentityTaken(token)
        if self._loop.alert:
            self._loop.calls.added(token, callback, "epoll", {"persistent": persistent})
        known = known or Token(token)
        known.callback, known.is_persistent = callback, persistent
        self._tokens[token] = known
        self._arrange(token, known)
        callbacks.identities.claim(token)

    def forget(self, token: int) -> bool:
        """Neither the callback of `token` nor its interest is there any longer."""
        known = self._tokens.pop(token, None)
        if known is None:
            return False
        self._loop.poll.silence(known.listener)
        known.listener.callback = None
        self._leave(token, known)
        return known.callback is not None

    def drop_all(self) -> None:
        """No token is known any more. Nobody is called."""
        for known in self._tokens.values():
            known.listener.callback = None
        self._tokens.clear()

    def _arrange(self, token: int, known: Token) -> None:
        """Who is called, and does the loop wait for it?"""
        listener, callback, callbacks = known.listener, known.callback, self._loop.callbacks
        was_boxed = token in callbacks.boxed
        self._leave(token, known)
        if callback is None:
            listener.callback = partial(self._nobody, token)
            if not listener.watches:
                del self._tokens[token]
            return
        if listener.watches:
            listener.callback = callback if known.is_persistent else partial(self._once, token)
            callbacks.listeners[listener] = None
        else:
            listener.callback = None  # what the kernel has answered already is for nobody
            # its descriptor was taken away, so it is not waited for; or it had none yet
            (callbacks.boxed if known.had_descriptor else callbacks.dangling)[token] = callback
        if self._loop.alert and was_boxed != (token in callbacks.boxed):
            detail = {"persistent": known.is_persistent}
            self._loop.calls.added(token, None, "epoll" if was_boxed else "boxed", detail)

    def _leave(self, token: int, known: Token) -> None:
        callbacks = self._loop.callbacks
        callbacks.listeners.pop(known.listener, None)
        callbacks.dangling.pop(token, None)
        if known.callback is not None:  # or what is boxed is somebody else's
            callbacks.boxed.pop(token, None)

    def _once(self, token: int, readiness: Js) -> None:
        """Token and interest go, then the callback is called: it may register both again."""
        callback = self._tokens[token].callback
        self.forget(token)
        if callback is not None:
            callback(readiness)

    def _nobody(self, token: int, readiness: Js) -> None:
        """It is ready and nobody asked: without this, it would be ready for ever."""
        self.forget(token)
