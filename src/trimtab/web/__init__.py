"""The page in the browser: server-rendered HTML, fragments by htmx, small custom elements for pictures."""
