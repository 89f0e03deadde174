"""gRPC for calls of one message each way, over the HTTP/2 of `h2` on asyncio (docs/adr/0016).

* `server` accepts, counts, drains; a loop and a thread of its own
* `connection`: one sender's transport, and its end
* `conversation`: what is said on it, h2's events on one side, calls on the other
* `http2`: h2's side of it, with our limits
* `inflow`: what a sender's bytes are, frame by frame, before h2 sees them: limits, floods, bodies
* `credit`: how much a sender may send that carries nothing
* `windows`: how many bytes of bodies may be on the way
* `call`: its head, its message, its room in memory
* `workers`: threads, for who it is and for the work
* `status`: what is answered, as headers
"""
