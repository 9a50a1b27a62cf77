"""A log checked in the browser: the page, and the verifier that it loads (js/log), which sends nothing anywhere."""
