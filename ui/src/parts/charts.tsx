// Bars and areas by day, for the overview; a table with the same numbers is there for who cannot see them.
import { theme } from 'antd';
import {
  Area, AreaChart, Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis,
} from 'recharts';

export interface Series {
  key: string;
  label: string;
  color: string;
}

interface Props {
  kind: 'bars' | 'area';
  label: string;
  rows: ReadonlyArray<Record<string, string | number>>; // each with `date`
  series: readonly Series[];
  format: (value: number) => string;
}

const day = (date: string) => date.slice(5);

export default function Chart({ kind, label, rows, series, format }: Props) {
  const { token } = theme.useToken();
  const axis = { stroke: token.colorTextSecondary, fontSize: 12, tickLine: false, axisLine: false } as const;
  const box = { background: token.colorBgElevated, border: `1px solid ${token.colorBorderSecondary}`, borderRadius: 8 };
  const parts = (
    <>
      <CartesianGrid vertical={false} stroke={token.colorBorderSecondary} />
      <XAxis dataKey="date" tickFormatter={day} minTickGap={16} {...axis} />
      <YAxis width={64} tickFormatter={format} {...axis} />
      <Tooltip contentStyle={box} labelStyle={{ color: token.colorText }} cursor={{ fill: token.colorFillTertiary }}
               formatter={(value) => format(Number(value))} isAnimationActive={false} />
    </>
  );
  const data = [...rows];
  return (
    <figure className="chart" aria-label={label}>
      <ResponsiveContainer width="100%" height={240}>
        {kind === 'bars' ? (
          <BarChart data={data} accessibilityLayer>
            {parts}
            {series.map(({ key, label: name, color }) =>
              <Bar key={key} dataKey={key} name={name} stackId="all" fill={color} isAnimationActive={false} />)}
          </BarChart>
        ) : (
          <AreaChart data={data} accessibilityLayer>
            {parts}
            {series.map(({ key, label: name, color }) =>
              <Area key={key} dataKey={key} name={name} stroke={color} fill={color} fillOpacity={0.18} strokeWidth={2}
                    isAnimationActive={false} />)}
          </AreaChart>
        )}
      </ResponsiveContainer>
      <table className="unseen">
        <caption>{label}</caption>
        <tbody>
          {rows.map((row) => (
            <tr key={String(row.date)}>
              <th scope="row">{row.date}</th>
              {series.map(({ key, label: name }) => <td key={key}>{name}: {format(Number(row[key]))}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
