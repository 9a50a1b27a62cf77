"""A project in other forms, and back: files of Markdown, a spreadsheet, the ticks of other tools' files."""
