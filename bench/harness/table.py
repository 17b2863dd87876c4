"""Markdown tables and the words for numbers in them."""


def number(value, digits=0):
    if value is None:
        return "–"
    return f"{value:,.{digits}f}".replace(",", " ")


def ms(us, digits=2):
    return number(None if us is None else us / 1000, digits)


def mb(kilobytes, digits=1):
    return number(None if kilobytes is None else kilobytes / 1024, digits)


def ratio(value, base):
    return "–" if not value or not base else f"{value / base:.2f}"


def render(heads, rows):
    """The first column is text, all others are numbers."""
    lines = ["| " + " | ".join(heads) + " |",
             "|" + "---|" + "---:|" * (len(heads) - 1)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])
