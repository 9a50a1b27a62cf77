"""Every page and file of the service that is no route of the API: method, path, and who may."""

PUBLIC = ("/assets/:name", "/design", "/verify", "/verify/:rest")

PAGES = [("GET", path, "public") for path in PUBLIC]
