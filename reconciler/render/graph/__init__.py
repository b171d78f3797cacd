"""The dependency graph as SVG, Graphviz, Mermaid and text; imports `views` and `text` only."""
