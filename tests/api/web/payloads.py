"""What hostile people and agents write into titles and texts: 240 ways to make a page run something."""

from collections.abc import Sequence

MARK = "window.__ran=1"
CALLS = (MARK, f"eval('{MARK}')", f"Function('{MARK}')()", "top['window']['__ran']=1", "parent.__ran=1", "self.__ran=1")

ELEMENTS = (
    "<script>{}</script>", "<ScRiPt>{}</sCrIpT>", "<script >{}</script >", "<svg><script>{}</script></svg>",
    "<img src=x onerror={}>", "<img src=x onerror=\"{}\">", "<img/src=x/onerror={}>", "<image src=x onerror={}>",
    "<svg onload={}>", "<svg/onload={}>", "<body onload={}>", "<iframe srcdoc='<script>{}</script>'></iframe>",
    "<iframe src=\"javascript:{}\"></iframe>", "<object data=\"javascript:{}\"></object>",
    "<embed src=\"javascript:{}\">",
    "<a href=\"javascript:{}\" autofocus onfocus={}>x</a>", "<details open ontoggle={}>x</details>",
    "<input autofocus onfocus={}>", "<select autofocus onfocus={}></select>",
    "<textarea autofocus onfocus={}></textarea>",
    "<video><source onerror={}></video>", "<audio src=x onerror={}>", "<marquee onstart={}>x</marquee>",
    "<math><mtext><img src=x onerror={}></mtext></math>", "<style>@import 'javascript:{}';</style>",
    "<link rel=stylesheet href=\"javascript:{}\">", "<meta http-equiv=refresh content=\"0;url=javascript:{}\">",
    "<form action=\"javascript:{}\"><button autofocus onfocus={}>x</button></form>", "<base href=\"javascript:{}//\">",
    "\"><script>{}</script>", "'><script>{}</script>", "</title><script>{}</script>", "</textarea><script>{}</script>",
    "</option></select><script>{}</script>", "</svg><script>{}</script>", "--><script>{}</script>",
    "]]><script>{}</script>", "\" onmouseover=\"{}\" autofocus onfocus=\"{}\" x=\"", "' autofocus onfocus='{}' x='",
    "{{{{{}}}}}", "{{% raw %}}<script>{}</script>", "<%= {} %>", "${{{}}}", "javascript:{}",
)  # fmt: skip

PAYLOADS = [element.replace("{}", call).replace("{{", "{").replace("}}", "}") for element in ELEMENTS for call in CALLS]

assert len(PAYLOADS) == len(set(PAYLOADS)) >= 200

LONGEST = 250
"""Of a name, in characters: 255 are let through."""


def packed(payloads: Sequence[str]) -> list[str]:
    """All of them, in few texts: a page with 60 lines is quicker than one with 240."""
    texts = [""]
    for payload in payloads:
        if len(texts[-1]) + len(payload) >= LONGEST:
            texts.append("")
        texts[-1] = f"{texts[-1]} {payload}".strip()
    return texts


TEXTS = packed(PAYLOADS)
