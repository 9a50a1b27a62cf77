"""Read models, one module each: table, apply, queries. Disposable: the log can make every one of them again."""
