"""A witness of logs, and who asks one (C2SP tlog-witness; spec 05, section 3.8).

A witness cosigns only heads that extend what it has cosigned before. A log that shows two histories to two people needs
it to sign both, which it does not.
"""
