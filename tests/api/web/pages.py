"""Every page and file of the service that is no route of the API: method, path, and who may."""

PUBLIC = ("/assets/:name", "/design", "/docs", "/terms", "/privacy", "/robots.txt", "/favicon.ico", "/images/:name")

PAGES = [("GET", path, "public") for path in PUBLIC]
