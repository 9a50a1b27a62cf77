"""`loopctl log story-proof`."""

from msgspec import json

from loopctl.cli.naming import story_id
from loopctl.cli.options import ANYWHERE, Input, Scope
from loopctl.cli.output import note
from loopctl.cli.reading import STANDARD_INPUT
from loopctl.cli.session import session
from loopctl.cli.settings import READING
from loopctl.cli.whole_file import answer_file


def story_proof(story: str, /, *, output: Input | None = None, scope: Scope = ANYWHERE) -> None:
    """Fetch all that the log has of a story, as a file that anybody can check offline with `loopctl log check-story`.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    output
        A file to write it to instead of standard output: all of it, or nothing.
    """
    with session(scope, READING) as asked:
        proof = asked.client.get(f"stories/{story_id(asked, story, scope.project)}/log-proof")["data"]
        if output is None or str(output) == STANDARD_INPUT:
            asked.show(proof)
            return
        with answer_file(output) as file:
            file.write(json.format(json.encode(proof), indent=1) + b"\n")
        note(f"Written to {output}. Check it: loopctl log check-story {output} --vkey KEY")
