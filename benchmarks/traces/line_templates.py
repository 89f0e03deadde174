"""What the services of the shop log, as such services do: access logs, work done, slow statements, tracebacks.

In a text, `#` is one digit and `~` one hexadecimal digit, drawn anew for each line; `%` is a run of digits of a length
that is drawn once; `########` is the number of the request's customer, the same in all lines of a request.
"""

# ruff: noqa: E501 -- lines of logs are long, and are read best in one piece

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.traces.wire import Plain

DEBUG, INFO, WARN, ERROR, FATAL = 5, 9, 13, 17, 21
NAMES = {DEBUG: "DEBUG", INFO: "INFO", WARN: "WARNING", ERROR: "ERROR", FATAL: "CRITICAL"}


@dataclass(frozen=True)
class Line:
    """One kind of line: how often, who says it how, with which attributes besides where in the code it was said."""

    weight: float
    service: str
    severity: int
    logger: str
    body: str
    attributes: tuple[tuple[str, Plain], ...] = field(default_factory=tuple)
    is_in_trace: bool = True


_TRACEBACK = """%s
Traceback (most recent call last):
  File "/app/.venv/lib/python3.12/site-packages/starlette/middleware/errors.py", line 165, in __call__
    await self.app(scope, receive, _send)
  File "/app/.venv/lib/python3.12/site-packages/fastapi/routing.py", line 301, in app
    raw_response = await run_endpoint_function(dependant=dependant, values=values, is_coroutine=is_coroutine)
  File "/app/%s/main.py", line 88, in %s
    return await service.%s(customer_id=########)
  File "/app/.venv/lib/python3.12/site-packages/sqlalchemy/engine/default.py", line 952, in do_execute
    cursor.execute(statement, parameters)
%s"""


def _access(weight: float, service: str, method: str, route: str, target: str, status: int) -> Line:
    severity = ERROR if status >= 500 else WARN if status in {409, 429} else INFO
    return Line(
        weight,
        service,
        severity,
        "uvicorn.access",
        f'10.1.#.## - "{method} {target} HTTP/1.1" {status} %ms',
        (
            ("http.request.method", method),
            ("http.route", route),
            ("http.response.status_code", status),
            ("enduser.id", "user-########"),
        ),
    )


def _traceback(weight: float, service: str, what: str, function: str, error: str) -> Line:
    return Line(
        weight,
        service,
        ERROR,
        f"{service}.errors",
        _TRACEBACK % (what, service, function, function, error),
        (
            ("exception.type", error.split(":", maxsplit=1)[0]),
            ("exception.message", error),
            ("enduser.id", "user-########"),
        ),
    )


LINES = (
    _access(180, "gateway", "GET", "/products/{id}", "/products/######", 200),
    _access(90, "gateway", "GET", "/categories/{slug}", "/categories/garden?page=#", 200),
    _access(40, "gateway", "POST", "/orders", "/orders", 201),
    _access(6, "gateway", "POST", "/orders", "/orders", 409),
    _access(2, "gateway", "GET", "/products/{id}", "/products/######", 500),
    _access(140, "catalog", "GET", "/products/{id}", "/products/######", 200),
    _access(30, "orders", "POST", "/orders", "/orders", 201),
    Line(60, "catalog", DEBUG, "catalog.cache", "cache hit for product:###### after %us"),
    Line(25, "catalog", DEBUG, "catalog.cache", "cache miss for product:######, loading from the database"),
    Line(45, "orders", INFO, "orders.checkout", "order ~~~~~~~~-~~~~-4~~~-a~~~-~~~~~~~~~~~~ of customer ######## placed: # items, ###.## EUR",
         (("order.id", "ord-########"), ("order.items", 3), ("order.total_eur", 129.5), ("enduser.id", "user-########"))),
    Line(45, "stock", INFO, "stock.reserve", "reserved # of product ###### in warehouse hamburg-## (took %.## ms)",
         (("warehouse", "hamburg"), ("messaging.kafka.partition", 3))),
    Line(40, "payments", INFO, "payments.gateway", "payment authorised provider=stripe amount_cents=##### reference=pi_~~~~~~~~~~~~~~~~~~~~~~~~ took=%ms",
         (("payment.provider", "stripe"), ("order.id", "ord-########"))),
    Line(3, "payments", WARN, "payments.gateway", "payment declined provider=stripe code=card_declined reference=pi_~~~~~~~~~~~~~~~~~~~~~~~~",
         (("payment.provider", "stripe"), ("payment.code", "card_declined"), ("order.id", "ord-########"))),
    Line(30, "mailer", INFO, "mailer.smtp", "mail <~~~~~~~~~~~~.##########@shop.example> to user-########@mail.example queued as ~~~~~~~~~~"),
    Line(2, "mailer", WARN, "mailer.smtp", "451 4.7.1 greylisted, retry # of 5 in ### s for user-########@mail.example"),
    Line(12, "stock", WARN, "sqlalchemy.slow", "slow statement (%.## ms): UPDATE stock SET reserved = reserved + $1 WHERE product_id = $2 AND available - reserved >= $1",
         (("db.system", "postgresql"), ("db.name", "catalog"))),
    Line(8, "reports", INFO, "reports.export", "export ~~~~~~~~ wrote ##### rows to s3://shop-reports/2026/##/part-#####.parquet in ##.# s", is_in_trace=False),
    Line(40, "gateway", DEBUG, "httpx", 'HTTP Request: GET http://catalog:8000/products/###### "HTTP/1.1 200 OK"'),
    Line(20, "orders", DEBUG, "kafka.producer", "sent to topic=orders partition=# offset=######## key=~~~~~~~~ in %us"),
    Line(20, "mailer", DEBUG, "kafka.consumer", "fetched # records from orders-# up to offset ######## lag=##", is_in_trace=False),
    Line(10, "gateway", INFO, "gateway.health", "health check ok: catalog=#ms orders=#ms payments=##ms", is_in_trace=False),
    Line(2, "reports", ERROR, "reports.worker", '{"event": "job failed", "job": "daily-sales", "attempt": #, "reason": "statement timeout", "elapsed_s": ##.#}',
         (("job.name", "daily-sales"),), is_in_trace=False),
    _traceback(1.2, "orders", "unhandled error in POST /orders", "place_order", "psycopg.errors.DeadlockDetected: deadlock detected: process ##### waits for ShareLock on transaction ########"),
    _traceback(0.8, "payments", "payment provider did not answer", "authorise", "httpx.ConnectTimeout: timed out after 5000 ms connecting to api.stripe.example"),
    _traceback(0.5, "catalog", "unhandled error in GET /products/{id}", "read_product", "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached"),
    Line(0.2, "stock", FATAL, "stock.main", "out of memory: killed worker ##### with rss=#######kB, restarting", is_in_trace=False),
)  # fmt: skip
