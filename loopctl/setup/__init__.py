"""`loopctl setup`: what it writes into a project folder, and how it finds again what it has written.

Only ``record`` knows what is ours: everything else in the folder is somebody else's and stays as it is, to the byte.
"""
