"""The store over ClickHouse's HTTP protocol: chDB processes behind a shim here, a real server where one is given."""
