"""`python -m operations`: what only the operator of the server may do, on the server itself.

One module for each subcommand, listed in `commands`; `reaching` knows the ways to the database.
"""
