"""A shop of seven services as its instrumentation tells of it: which spans a request makes, with which attributes.

The attributes are those that the OpenTelemetry instrumentations of FastAPI, httpx, SQLAlchemy and psycopg write, in
their order; values are made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.traces.wire import Plain

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
SERVICES = ("gateway", "catalog", "orders", "payments", "stock", "mailer", "reports")
SCOPES = {
    SERVER: ("opentelemetry.instrumentation.fastapi", "0.55b0"),
    CLIENT: ("opentelemetry.instrumentation.httpx", "0.55b0"),
    INTERNAL: ("shop.checkout", "2.4.1"),
    PRODUCER: ("opentelemetry.instrumentation.kafka", "0.55b0"),
    CONSUMER: ("opentelemetry.instrumentation.kafka", "0.55b0"),
}
SQL_SCOPES = (
    ("opentelemetry.instrumentation.sqlalchemy", "0.55b0"),
    ("opentelemetry.instrumentation.psycopg", "0.55b0"),
)


@dataclass(frozen=True)
class Step:
    """One span. `parent` is the place of its parent in the list; times are shares of the whole request."""

    service: str
    name: str
    kind: int
    parent: int
    begins: float
    ends: float
    attributes: Sequence[tuple[str, Plain]] = ()
    scope: tuple[str, str] = ("", "")
    is_linked: bool = False


@dataclass(frozen=True)
class Request:
    """One kind of request: how often, how long, how often it fails (where: the place of the span), and its spans."""

    weight: float
    mean_ms: float
    failure_ratio: float
    fails_at: int
    steps: Sequence[Step] = field(default_factory=tuple)


def resource_of(service: str, instance: int) -> Mapping[str, Plain]:
    """What the SDK says of a process."""
    return {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.34.1",
        "service.name": service,
        "service.version": "2.4.1",
        "service.instance.id": f"{service}-7c9d8f6b5-{instance:05d}",
        "deployment.environment": "production",
        "host.name": f"node-{instance % 5}.shop.example",
        "process.pid": 4000 + instance,
        "process.command_args": ["uvicorn", f"{service}.main:app", "--port", "8000"],
    }


def _server(method: str, route: str, target: str, status: int, host: str) -> Sequence[tuple[str, Plain]]:
    return (
        ("http.scheme", "http"),
        ("http.host", f"{host}:8000"),
        ("net.host.port", 8000),
        ("http.flavor", "1.1"),
        ("http.target", target),
        ("http.url", f"http://{host}:8000{target}"),
        ("http.method", method),
        ("http.server_name", f"{host}.shop.example"),
        ("http.user_agent", "python-httpx/0.28.1"),
        ("http.route", route),
        ("net.peer.ip", "10.1.4.17"),
        ("net.peer.port", 41234),
        ("enduser.id", "user-########"),
        ("http.status_code", status),
    )


def _asgi(kind: str) -> Sequence[tuple[str, Plain]]:
    return (("asgi.event.type", kind), ("http.status_code", 200))


def _client(method: str, host: str, path: str, status: int) -> Sequence[tuple[str, Plain]]:
    return (
        ("http.method", method),
        ("http.url", f"http://{host}:8000{path}"),
        ("server.address", host),
        ("server.port", 8000),
        ("network.protocol.version", "1.1"),
        ("http.status_code", status),
    )


def _sql(statement: str, database: str) -> Sequence[tuple[str, Plain]]:
    return (
        ("net.peer.name", f"{database}.db.shop.example"),
        ("net.peer.port", 5432),
        ("db.name", database),
        ("db.user", "shop"),
        ("db.system", "postgresql"),
        ("db.statement", statement),
    )


def _query(service: str, parent: int, begins: float, ends: float, statement: str) -> Step:
    database = "catalog" if service in {"catalog", "stock"} else "shop"
    scope = SQL_SCOPES[service in {"stock", "reports"}]
    return Step(service, statement.split(" ", 1)[0], CLIENT, parent, begins, ends, _sql(statement, database), scope)


_BY_ID = "SELECT id, name, price_cents, stock FROM products WHERE id = %(id_1)s"
_LIST = (
    "SELECT products.id, products.name, products.price_cents FROM products JOIN categories ON categories.id ="
    " products.category_id WHERE categories.slug = %(slug_1)s ORDER BY products.rank LIMIT %(param_1)s"
)
_ORDER = "INSERT INTO orders (customer_id, status, total_cents) VALUES (%(c)s, %(s)s, %(t)s) RETURNING orders.id"
_ITEMS = "INSERT INTO order_items (order_id, product_id, quantity) VALUES (%(o)s, %(p)s, %(q)s)"
_HISTORY = "SELECT * FROM orders WHERE customer_id = %(c)s AND status = %(s)s ORDER BY created_at DESC LIMIT 50"
_RESERVE = "UPDATE stock SET reserved = reserved + $1 WHERE product_id = $2 AND available - reserved >= $1"
_REPORT = "SELECT date_trunc('day', created_at) AS day, sum(total_cents) FROM orders WHERE created_at >= $1 GROUP BY 1"

REQUESTS: Sequence[Request] = (
    Request(
        45,
        38,
        0.002,
        3,
        (
            Step(
                "gateway",
                "GET /products/{id}",
                SERVER,
                -1,
                0,
                1,
                _server("GET", "/products/{id}", "/products/########", 200, "gateway"),
            ),
            Step("gateway", "GET", CLIENT, 0, 0.05, 0.93, _client("GET", "catalog", "/products/########", 200)),
            Step(
                "catalog",
                "GET /products/{id}",
                SERVER,
                1,
                0.1,
                0.9,
                _server("GET", "/products/{id}", "/products/########", 200, "catalog"),
            ),
            _query("catalog", 2, 0.2, 0.7, _BY_ID),
            Step("catalog", "GET /products/{id} http send", INTERNAL, 2, 0.75, 0.77, _asgi("http.response.start")),
            Step("catalog", "GET /products/{id} http send", INTERNAL, 2, 0.78, 0.8, _asgi("http.response.body")),
            Step("gateway", "GET /products/{id} http send", INTERNAL, 0, 0.95, 0.97, _asgi("http.response.start")),
        ),
    ),
    Request(
        25,
        90,
        0.001,
        3,
        (
            Step(
                "gateway",
                "GET /categories/{slug}",
                SERVER,
                -1,
                0,
                1,
                _server("GET", "/categories/{slug}", "/categories/garden?page=2", 200, "gateway"),
            ),
            Step("gateway", "GET", CLIENT, 0, 0.03, 0.95, _client("GET", "catalog", "/categories/garden", 200)),
            Step(
                "catalog",
                "GET /categories/{slug}",
                SERVER,
                1,
                0.06,
                0.92,
                _server("GET", "/categories/{slug}", "/categories/garden", 200, "catalog"),
            ),
            _query("catalog", 2, 0.1, 0.6, _LIST),
            Step(
                "catalog",
                "rank",
                INTERNAL,
                2,
                0.6,
                0.85,
                (("ranking.model", "r7"), ("ranking.candidates", 240), ("ranking.score", 0.734)),
            ),
        ),
    ),
    Request(
        12,
        260,
        0.03,
        6,
        (
            Step("gateway", "POST /orders", SERVER, -1, 0, 1, _server("POST", "/orders", "/orders", 201, "gateway")),
            Step("gateway", "POST", CLIENT, 0, 0.02, 0.97, _client("POST", "orders", "/orders", 201)),
            Step("orders", "POST /orders", SERVER, 1, 0.04, 0.95, _server("POST", "/orders", "/orders", 201, "orders")),
            Step(
                "orders",
                "checkout",
                INTERNAL,
                2,
                0.05,
                0.9,
                (
                    ("order.id", "ord-########"),
                    ("order.items", 3),
                    ("order.total", 129.95),
                    ("order.is_gift", False),
                    ("order.tags", ["new", "web"]),
                ),
            ),
            _query("orders", 3, 0.1, 0.2, _ORDER),
            _query("orders", 3, 0.2, 0.28, _ITEMS),
            Step("orders", "POST", CLIENT, 3, 0.3, 0.7, _client("POST", "payments", "/charges", 200)),
            Step(
                "payments",
                "POST /charges",
                SERVER,
                6,
                0.32,
                0.68,
                _server("POST", "/charges", "/charges", 200, "payments"),
            ),
            Step("orders", "POST", CLIENT, 3, 0.7, 0.85, _client("POST", "stock", "/reservations", 200)),
            Step(
                "stock",
                "POST /reservations",
                SERVER,
                8,
                0.72,
                0.84,
                _server("POST", "/reservations", "/reservations", 200, "stock"),
            ),
            _query("stock", 9, 0.75, 0.82, _RESERVE),
            Step(
                "orders",
                "order-placed send",
                PRODUCER,
                3,
                0.86,
                0.89,
                (
                    ("messaging.system", "kafka"),
                    ("messaging.destination.name", "order-placed"),
                    ("messaging.kafka.partition", 3),
                ),
            ),
            Step(
                "mailer",
                "order-placed receive",
                CONSUMER,
                11,
                0.9,
                0.99,
                (
                    ("messaging.system", "kafka"),
                    ("messaging.destination.name", "order-placed"),
                    ("messaging.kafka.offset", 812233),
                ),
                is_linked=True,
            ),
        ),
    ),
    Request(
        17,
        55,
        0.004,
        3,
        (
            Step(
                "gateway",
                "GET /account/orders",
                SERVER,
                -1,
                0,
                1,
                _server("GET", "/account/orders", "/account/orders?status=open", 200, "gateway"),
            ),
            Step("gateway", "GET", CLIENT, 0, 0.05, 0.95, _client("GET", "orders", "/orders?customer=########", 200)),
            Step(
                "orders",
                "GET /orders",
                SERVER,
                1,
                0.08,
                0.9,
                _server("GET", "/orders", "/orders?customer=########", 200, "orders"),
            ),
            _query("orders", 2, 0.12, 0.8, _HISTORY),
            Step("orders", "GET /orders http send", INTERNAL, 2, 0.82, 0.85, _asgi("http.response.body")),
        ),
    ),
    Request(
        1,
        2400,
        0.01,
        1,
        (
            Step(
                "reports",
                "daily-report",
                INTERNAL,
                -1,
                0,
                1,
                (("report.name", "revenue"), ("report.window", {"days": 30, "zone": "UTC"})),
            ),
            _query("reports", 0, 0.05, 0.95, _REPORT),
        ),
    ),
)

EXCEPTION: Sequence[tuple[str, Plain]] = (
    ("exception.type", "sqlalchemy.exc.OperationalError"),
    ("exception.message", "(psycopg.errors.QueryCanceled) canceling statement due to statement timeout"),
    (
        "exception.stacktrace",
        "Traceback (most recent call last):\n"
        + "".join(
            f'  File "/srv/app/shop/{name}.py", line {line}, in {name}\n    return await self._next({name})\n'
            for name, line in (("router", 71), ("handler", 212), ("session", 440), ("cursor", 118), ("wait", 37))
        )
        + "psycopg.errors.QueryCanceled: canceling statement due to statement timeout\n",
    ),
    ("exception.escaped", "False"),
)
