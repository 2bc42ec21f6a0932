// make deb: the package holds what it says, and its program runs from where it is unpacked.
import { strict as assert } from 'node:assert';
import { after, test } from 'node:test';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TOP } from './support/hubport.mjs';
import { cleanUp, makeDirectory, runProgram } from './support/processes.mjs';

after(() => cleanUp());

async function must(command, args) {
  const result = await runProgram(command, args, { cwd: TOP });
  assert.equal(result.status, 0, `${command} ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

test('the package installs program, unit, settings, man page and completions', async () => {
  const root = makeDirectory('package-root');
  const deb = join(TOP, (await must('scripts/deb', [])).trim());
  await must('dpkg-deb', ['-x', deb, root]);
  assert.match(await must(join(root, 'usr/bin/hubport'), ['--version']), /^hubport \d+\.\d+\.\d+$/m);
  assert.match(await must('dpkg-deb', ['-f', deb, 'Depends']), /libpq5.*zlib1g/);
  const unit = readFileSync(join(root, 'lib/systemd/system/hubport.service'), 'utf8');
  assert.match(unit, /^ExecStart=\/usr\/bin\/hubport serve$/m);
  assert.equal(statSync(join(root, 'etc/hubport/hubport.conf')).mode & 0o777, 0o600);
  assert.match(await must('zcat', [join(root, 'usr/share/man/man1/hubport.1.gz')]), /\.B hubport prices import FILE/);
  assert.match(readFileSync(join(root, 'usr/share/zsh/vendor-completions/_hubport'), 'utf8'), /^#compdef hubport\n/);
  const script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hubport; echo "${COMPREPLY[@]}"';
  const complete = async (...words) =>
    (await must('bash', ['-c', script, 'bash', join(root, 'usr/share/bash-completion/completions/hubport'), ...words])).trim();
  assert.equal(await complete('hubport', 'expo'), 'export');
  assert.equal(await complete('hubport', 'prices', 'im'), 'import');
  assert.equal(await complete('hubport', 'prices', 'import', '--dry'), '--dry-run');
});
