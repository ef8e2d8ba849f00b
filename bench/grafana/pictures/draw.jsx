import { createRoot } from "react-dom/client";
import {
  FieldConfigOptionsRegistry, ThemeContext, applyFieldOverrides, createTheme, dateTime, getFieldDisplayValues,
  identityOverrideProcessor, toDataFrame,
} from "@grafana/data";
import { BarGauge, BigValue, GlobalStyles, PortalContainer, Table, TimeSeries } from "@grafana/ui";

const { boards } = window.PUMPWATCH;
const parameters = new URLSearchParams(location.hash.slice(1));
const board = boards[parameters.get("board")];
const theme = createTheme({ colors: { mode: parameters.get("mode") } });
const COLUMN = 1400 / 24, ROW = 38;

/** Every property that a panel sets, as Grafana's own registry would take it. */
function registryFor(fieldConfig) {
  const ids = new Set(fieldConfig.overrides.flatMap((each) => each.properties.map((property) => property.id)));
  for (const id of Object.keys(fieldConfig.defaults)) if (id !== "custom") ids.add(id);
  for (const id of Object.keys(fieldConfig.defaults.custom ?? {})) ids.add(`custom.${id}`);
  const item = (id) => ({
    id, path: id.replace(/^custom\./, ""), isCustom: id.startsWith("custom."), name: id, settings: {},
    process: identityOverrideProcessor, shouldApply: () => true, override: () => null, editor: () => null,
  });
  return new FieldConfigOptionsRegistry(() => [...ids].map(item));
}

/** What the plug-in of a panel adds where the panel says nothing. */
function withDefaults(panel) {
  const { defaults } = panel.fieldConfig;
  if (panel.type !== "timeseries" || defaults.color) return panel.fieldConfig;
  return { ...panel.fieldConfig, defaults: { ...defaults, color: { mode: "palette-classic" } } };
}

function framesOf(panel) {
  const data = panel.frames.map((frame) => toDataFrame({ ...frame, fields: frame.fields.map((field) => ({ ...field, config: { ...field.config } })) }));
  return applyFieldOverrides({
    data, fieldConfig: withDefaults(panel), replaceVariables: (text) => text, theme, timeZone: "utc",
    fieldConfigRegistry: registryFor(panel.fieldConfig),
  });
}

function Panel({ panel, width, height }) {
  const frames = framesOf(panel);
  const empty = frames.every((frame) => frame.length === 0);
  if (panel.type === "stat" || panel.type === "bargauge") {
    const values = getFieldDisplayValues({
      fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables: (text) => text,
      theme, data: frames, timeZone: "utc",
    });
    if (panel.type === "stat")
      return values.slice(0, 1).map((value, key) => (
        <BigValue key={key} theme={theme} width={width} height={height} value={value.display} colorMode={panel.options.colorMode}
          graphMode="none" textMode={panel.options.textMode} justifyMode={panel.options.justifyMode} />
      ));
    const each = height / Math.max(values.length, 1);
    return values.map((value, key) => (
      <BarGauge key={key} theme={theme} width={width} height={each - 6} value={value.display} field={value.field} display={value.view}
        orientation="horizontal" displayMode={panel.options.displayMode ?? "gradient"} />
    ));
  }
  if (empty) return <div style={{ textAlign: "center", paddingTop: height / 3 }}>{panel.fieldConfig.defaults.noValue}</div>;
  if (panel.type === "table") return <Table data={frames[0]} width={width} height={height} cellHeight={panel.options.cellHeight} />;
  const range = { from: dateTime(panel.from), to: dateTime(panel.to), raw: { from: dateTime(panel.from), to: dateTime(panel.to) } };
  return <TimeSeries frames={frames} width={width} height={height} timeRange={range} timeZone="utc" theme={theme} legend={panel.options.legend} />;
}

function Board() {
  const bottom = Math.max(...board.panels.map((panel) => panel.gridPos.y + panel.gridPos.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PortalContainer />
      <div id="board" style={{ position: "relative", width: 1400, height: bottom * ROW, background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
        {board.panels.map((panel) => {
          const { x, y, w, h } = panel.gridPos;
          const width = w * COLUMN - 8, height = h * ROW - 8;
          return (
            <section key={panel.id} style={{ position: "absolute", left: x * COLUMN + 4, top: y * ROW + 4, width, height, overflow: "hidden",
              background: theme.colors.background.primary, border: `1px solid ${theme.colors.border.weak}` }}>
              <h2 style={{ fontSize: 14, margin: "6px 8px", height: 20 }}>{panel.title}</h2>
              <div style={{ padding: "0 8px" }}><Panel panel={panel} width={width - 18} height={height - 42} /></div>
            </section>
          );
        })}
      </div>
    </ThemeContext.Provider>
  );
}
createRoot(document.getElementById("root")).render(<Board />);
