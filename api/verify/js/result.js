// A verdict as people read it. Texts out of a log go into text nodes, and nowhere else.

const number = (value) => value.toLocaleString("en-US");

/** Whatever the worker has said. */
export function showAnswer(place, said) {
  if (said.refused) {
    showRefused(place, said.refused);
  } else if (said.failed) {
    show(place, "bad", "The check itself failed", [["Problem", said.failed]]);
  } else if (said.receipt) {
    showReceipt(place, said.receipt);
  } else {
    showReport(place, said.report, said.seconds);
  }
  place.scrollIntoView({ block: "nearest" });
}

/** `place` is emptied; `made` is the report of a check, `seconds` how long it took. */
function showReport(place, made, seconds) {
  if (made.verdict === "unreadable") {
    show(place, "bad", "Not a bundle that can be judged", [["Problem", made.problem]]);
    return;
  }
  const { checked, fault, trusted } = made;
  const title = fault ? "Bad: this is not the log that was signed" : "Good: every entry is what was signed";
  const rate = seconds ? ` in ${seconds.toFixed(1)} s, ${number(Math.round(made.size / seconds))} a second` : "";
  const rows = [];
  if (fault) {
    rows.push(["Where", fault.place], ["What", fault.problem], ["Code", `${fault.check}, ${fault.code}`]);
  }
  rows.push(
    ["Log", made.origin ?? "unknown"],
    [fault ? "Checked before it" : "Entries", `${number(made.size)}${rate}`],
    ["Root", made.root],
    ["Signed heads", `${number(checked.heads)}, each a prefix of the next`],
    ["Cosignatures", number(checked.cosignatures)],
    ["Keys of the log", `${checked.log_keys}. ${trusted.statement}`],
    ["Histories", `${number(checked.entities)} entities, each without a gap`],
    ["Payloads", `${number(checked.payloads)} outside the log, ${number(checked.payloads_erased)} erased`],
    ...made.rotations.map((each) => ["Change of key", `at size ${number(each.boundary)}, ${each.reason}`]),
    ...made.notices.map((text) => ["Notice", text]),
  );
  show(place, fault ? "bad" : "good", title, rows);
}

function showReceipt(place, { origin, index, size, root, signed_by }) {
  show(place, "good", `Good: this is entry ${number(index)} of the log`, [
    ["Log", origin], ["Head", `of size ${number(size)}`], ["Root", root], ["Signed by", signed_by.join(", ")],
  ]);
}

/** A text or file that is not in its form, or a proof that does not hold. */
export function showRefused(place, { code, place: where, problem }) {
  show(place, "bad", "Refused", [["Where", where], ["What", problem], ["Code", code]]);
}

export function show(place, verdict, title, rows) {
  const heading = document.createElement("h3");
  heading.textContent = title;
  const list = document.createElement("dl");
  list.className = "facts";
  for (const [name, value] of rows) {
    const term = document.createElement("dt"), said = document.createElement("dd");
    term.textContent = name;
    said.textContent = value;
    list.append(term, said);
  }
  place.replaceChildren(heading, list);
  place.dataset.verdict = verdict;
  place.hidden = false;
}
