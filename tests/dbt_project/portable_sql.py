"""The project's portable macros rendered for one engine, without dbt around them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment

MACROS = Path(__file__).resolve().parents[2] / "dbt" / "macros"
FILES = (
    *sorted((MACROS / "portable").glob("*.sql")),
    *(MACROS / f"{name}.sql" for name in ("utc_timestamp", "surrogate_key", "long_readings")),
)


def render(engine: str, call: str) -> str:
    """SQL of a macro's call.

    Args:
        engine: `duckdb` or `spark`.
        call: such as `rounded('x', 2)`.
    """
    source = "".join(path.read_text("utf-8") for path in FILES)
    template = Environment(extensions=["jinja2.ext.do"], autoescape=False).from_string(
        f"{source}{{% macro asked() %}}{{{{ {call} }}}}{{% endmacro %}}"
    )
    found: dict[str, Any] = {}

    def dispatch(name: str) -> Any:
        return getattr(found["module"], f"{engine}__{name}")

    def cast(field: str, kind: str) -> str:
        own = getattr(found["module"], f"{engine}__cast", None)
        return str(own(field, kind)) if own else f"cast({field} as {kind})"

    found["module"] = template.make_module(
        {"adapter": SimpleNamespace(dispatch=dispatch), "dbt": SimpleNamespace(cast=cast)}
    )
    return str(found["module"].asked())
