import { render } from 'preact';
import { App } from './app.js';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/tree-and-search.css';
import './styles/dialogs.css';

render(<App />, document.getElementById('console')!);
