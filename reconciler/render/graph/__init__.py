"""The dependency graph as SVG, Graphviz, Mermaid and text trees: `layout` places what `picture` describes."""
